"""The broker loses everything, or dies, with operations queued: none is lost, none runs twice, none waits long (F20).

The workers live through it: afterwards they must hear the bell again.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable

from redis.exceptions import ConnectionError as Gone

from stacks.models import Operation
from tests.broker import Broker
from tests.faults.conftest import Figure
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.fleet import Host, ended
from tests.waiting import until

STUCK = 120.0  # seconds


def _emptied(broker: Broker) -> None:
    broker.redis.flushall()


def _killed(broker: Broker) -> None:
    broker.stop()
    broker.start()


def _killed_and_its_disk_lost(broker: Broker) -> None:
    broker.stop()
    broker.wipe()
    broker.start()


def _shut_down_without_saving(broker: Broker) -> None:
    with contextlib.suppress(Gone):
        broker.redis.execute_command("SHUTDOWN", "NOSAVE", "FORCE")
    broker.stop()
    time.sleep(1)
    broker.start()


FAULTS = (_emptied, _killed, _killed_and_its_disk_lost, _shut_down_without_saving)


def test_what_was_queued_runs_once(hosts_on_postgres: Hosts, broker: Broker, full: bool, figure: Figure) -> None:
    host = hosts_on_postgres("m1", haste=1 if full else 10, impatience=1)
    workers = [host.work("build"), host.work("live")]
    host.ask(), host.ask(lane="live")
    until(lambda: all(map(ended, Operation.objects.all())), within=120)
    longest = 0.0
    for fault in FAULTS * 5 if full else FAULTS[::2]:
        longest = max(longest, _survive(fault, host, broker))
    runs, states = host.ran(), Counter(Operation.objects.values_list("state", flat=True))
    ok = set(runs.values()) == {1} and set(states) == {"succeeded"} and longest < STUCK
    got = f"{len(runs)} operations, {runs.total() - len(runs)} double, {dict(states)}, longest wait {longest:.0f} s"
    got = " – ".join([got, *Operation.objects.exclude(state="succeeded").values_list("message", flat=True)])
    figure(
        "broker emptied, killed, wiped, shut down without saving", goal="0 lost, 0 double, 0 > 120 s", got=got, ok=ok
    )
    assert all(worker.process.poll() is None for worker in workers)


def _survive(fault: Callable[[Broker], None], host: Host, broker: Broker) -> float:
    """Let a fault strike while one operation is queued and one runs, then ask both workers for one more."""
    build = host.workers[0]
    build.send(signal.SIGSTOP)
    queued, running = host.ask("print:20"), host.ask("wait:2", lane="live")
    until(lambda: running.pk in host.ran(), within=STUCK)  # it may be the fault before that is survived yet
    fault(broker)
    build.send(signal.SIGCONT)
    began = time.monotonic()
    until(lambda: ended(queued) and ended(running), within=STUCK)
    broker.forgive()
    more = [host.ask(), host.ask(lane="live")]
    until(lambda: all(map(ended, more)), within=STUCK)
    return time.monotonic() - began
