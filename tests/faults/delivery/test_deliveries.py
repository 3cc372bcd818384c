"""Every operation runs once, whatever the broker does with its messages (F21, F22; goal N5).

Each is delivered ten times: by several at once, while it runs, and long after its end; to two workers of its lane, one
of which has a clock that is 70 seconds ahead of a visibility timeout of five.
"""

from __future__ import annotations

import random
import threading
from collections import Counter

from django.db import connection

from stacks.models import Operation
from stacks.operations import doorbell
from tests.broker import Broker
from tests.faults.conftest import Figure
from tests.faults.delivery.clock import AHEAD
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.fleet import Host, ended
from tests.waiting import until

DELIVERIES = 10
SHORT = {"VISIBILITY": "5"}


def test_ten_deliveries_are_one_run(hosts_on_postgres: Hosts, broker: Broker, full: bool, figure: Figure) -> None:
    count = 1000 if full else 12
    host = hosts_on_postgres("m1")
    for lane in ("build", "live"):
        host.work(lane, **SHORT)
        host.work(lane, **SHORT, **{AHEAD: "70"})
    per_lane = count // 2
    threads = [threading.Thread(target=_drive, args=(host, lane, per_lane)) for lane in ("build", "live")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: not _waiting(broker), within=60)
    runs = host.ran()
    states = Counter(Operation.objects.values_list("state", flat=True))
    got = f"{runs.total()} runs of {len(runs)} operations, {dict(states)}"
    ok = runs.total() == len(runs) == count and states == {"succeeded": count}
    goal = f"{count:,} operations × {DELIVERIES} deliveries = {count:,} runs"
    figure("deliveries: concurrent, late, repeated; VT 5 s, a clock 70 s ahead", goal=goal, got=got, ok=ok)


def _drive(host: Host, lane: str, count: int) -> None:
    chance = random.Random(lane)
    try:
        for number in range(count):
            # One in fifty outlasts the visibility timeout.
            work = ["wait:6"] if number == 3 or (number and number % 50 == 0) else chance.choice([[], ["wait:0.05"]])
            _deliver(host, lane, work, chance)
    finally:
        connection.close()


def _deliver(host: Host, lane: str, work: list[str], chance: random.Random) -> None:
    operation = host.ask(*work, lane=lane)  # rings once
    at_once, late = 5, chance.randint(1, 3)
    ringing = [threading.Thread(target=doorbell.ring, args=(operation,)) for _ in range(at_once)]
    for thread in ringing:
        thread.start()
    for thread in ringing:
        thread.join()
    for _ in range(DELIVERIES - 1 - at_once - late):
        doorbell.ring(operation)
    until(lambda: ended(operation), within=60)
    for _ in range(late):
        doorbell.ring(operation)


def _waiting(broker: Broker) -> int:
    return sum(broker.redis.llen(f"dlstack:m1.{lane}") for lane in ("build", "live"))
