"""Many tiny operations while workers, broker and database are killed at random (goal N6).

Every wish comes true once and once only, the record says what the machine's journal says, every log is whole, and
nothing waits for longer than two minutes. The seed is printed; SOAK_SEED repeats the same order of kills.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest
from django.db import connection
from redis.exceptions import RedisError

from stacks import logs
from stacks.engine import journal
from stacks.models import Operation
from tests.broker import Broker
from tests.faults.conftest import Figure
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.databases import PostgresDatabase
from tests.faults.delivery.fleet import Host
from tests.faults.delivery.wishes import Wisher, patiently
from tests.waiting import until

STUCK = 120.0  # seconds
LANES = ("build", "live")


@dataclass(frozen=True)
class Size:
    """How much of it: wishes, and kills of workers, of the broker, of the database."""

    machines: int
    wishes: int
    workers: int
    brokers: int
    databases: int
    haste: float


SMALL = Size(machines=1, wishes=30, workers=3, brokers=1, databases=1, haste=10)
LARGE = Size(machines=4, wishes=3000, workers=100, brokers=20, databases=20, haste=2)


class Chaos(threading.Thread):
    """Kills something whenever another part of the wishes has come true."""

    def __init__(self, size: Size, hosts: list[Host], broker: Broker, database: PostgresDatabase, seed: int) -> None:
        super().__init__(daemon=True)
        self._chance, self._hosts, self._broker, self._database = random.Random(seed), hosts, broker, database
        kinds = {self.kill_worker: size.workers, self.kill_broker: size.brokers, self.kill_database: size.databases}
        self._kills = [kind for kind, count in kinds.items() for _ in range(count)]
        self._chance.shuffle(self._kills)
        self._every = size.wishes / (len(self._kills) + 1)
        self._granted = threading.Semaphore(0)
        self.done: Counter[str] = Counter()

    def granted(self) -> None:
        self._granted.release()

    def run(self) -> None:
        came_true = 0
        for number, kill in enumerate(self._kills, 1):
            while came_true < number * self._every:
                self._granted.acquire()
                came_true += 1
            time.sleep(self._chance.uniform(0, 0.3))
            kill()
            self.done[kill.__name__] += 1

    def kill_worker(self) -> None:
        host = self._chance.choice(self._hosts)
        lane = self._chance.choice(LANES)
        host.worker(lane).kill()
        host.work(lane)

    def kill_broker(self) -> None:
        how = self._chance.choice(["emptied", "killed", "wiped", "shut down"])
        try:
            if how == "emptied":
                self._broker.redis.flushall()
                return
            if how == "shut down":
                self._broker.redis.execute_command("SHUTDOWN", "NOSAVE", "FORCE")
        except RedisError:
            pass
        self._broker.stop()
        if how == "wiped":
            self._broker.wipe()
        time.sleep(self._chance.uniform(0, 1.5))
        self._broker.start()

    def kill_database(self) -> None:
        self._database.stop()
        time.sleep(self._chance.uniform(0, 2))
        self._database.start()


def test_a_few(hosts_on_postgres: Hosts, broker: Broker, on_postgres: PostgresDatabase, figure: Figure) -> None:
    soak(SMALL, hosts_on_postgres, broker, on_postgres, figure)


@pytest.mark.faults
def test_many(hosts_on_postgres: Hosts, broker: Broker, on_postgres: PostgresDatabase, figure: Figure) -> None:
    soak(LARGE, hosts_on_postgres, broker, on_postgres, figure)


def soak(size: Size, make: Hosts, broker: Broker, database: PostgresDatabase, figure: Figure) -> None:
    seed = int(os.environ.get("SOAK_SEED") or time.time())
    print(f"SOAK_SEED={seed}")
    connection.close()  # the database of an earlier soak was killed at the other end
    hosts = [make(f"s{size.wishes}-{number}", haste=size.haste, impatience=1) for number in range(size.machines)]
    for host in hosts:
        for lane in LANES:
            host.work(lane)
    chaos = Chaos(size, hosts, broker, database, seed)
    places = [(host, lane) for host in hosts for lane in LANES]
    wishers = [
        Wisher(host, lane, list(range(number, size.wishes, len(places))), chaos.granted)
        for number, (host, lane) in enumerate(places)
    ]
    began = time.monotonic()
    for thread in (chaos, *wishers):
        thread.start()
    for wisher in wishers:
        wisher.join()
    chaos.join(0 if any(wisher.error for wisher in wishers) else None)
    assert [wisher.error for wisher in wishers if wisher.error] == []
    took = time.monotonic() - began
    lost, double, wrong = _judge(hosts, size)
    stuck = [one for wisher in wishers for one in wisher.stuck]
    longest = max(one for wisher in wishers for one in wisher.waited)
    rows = Operation.objects.filter(machine__in=[host.machine for host in hosts])
    states = Counter(rows.values_list("state", flat=True))
    kills = ", ".join(f"{chaos.done[kind]} {kind}" for kind in sorted(chaos.done)).replace("kill_", "kills of ")
    got = (
        f"{lost} lost, {double} double, {len(stuck)} stuck, {len(wrong)} records wrong, longest {longest:.0f} s;"
        f" {rows.count():,} operations ({dict(states)}), {kills}, {took / 60:.1f} min, seed {seed}"
    )
    ok = not (lost or double or stuck or wrong) and longest <= STUCK
    figure(
        f"soak, {size.wishes:,} wishes", goal="0 lost, 0 double, 0 stuck > 120 s, every record right", got=got, ok=ok
    )


def _judge(hosts: list[Host], size: Size) -> tuple[int, int, list[str]]:
    """Count the wishes that did not come true, those that did more than once, and the records that are wrong."""
    true: Counter[int] = Counter()
    wrong: list[str] = []
    for host in hosts:
        entries = journal.history(host.layout)
        done = Counter(int(one["operation"]) for one in entries if one["outcome"] == "succeeded")
        begun = host.ran()
        until(lambda: not list((host.home / "logs").glob("[0-9]*")), within=STUCK)  # noqa: B023 — waited for here
        for row in patiently(lambda: list(host.machine.operations.all())):  # noqa: B023
            true[int(row.parameters["wish"])] += done[row.pk]
            if problem := _problem(row, done[row.pk], begun[row.pk]):
                wrong.append(f"{row} on {host.name}: {problem}")
    print(*wrong, sep="\n")
    return sum(not true[wish] for wish in range(size.wishes)), sum(count > 1 for count in true.values()), wrong


def _problem(row: Operation, done: int, begun: int) -> str:
    lines = logs.read_lines(row, 1, 9999)
    whole = ["Begin", "print:3", "line 0", "line 1", "line 2", "End"]
    if begun > 1:
        return f"begun {begun} times"
    if (row.state == "succeeded") != bool(done):
        return f"{row.state}, although the journal says {done} times done: {row.message}"
    if row.state == "succeeded" and [line.text for line in lines if line.kind in ("step", "output")] != whole:
        return f"its log has {[line.text for line in lines]}"
    if row.log_lines != len(lines):
        return f"its log has {len(lines)} lines, its row says {row.log_lines}"
    return ""
