"""Clocks that are wrong by an hour, or set in the middle (F28): order comes from numbers, patience from a clock that is
never set, and the machine's page says whose clock is wrong."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from stacks import logs, presence
from stacks.models import Operation
from tests.broker import Broker
from tests.faults.delivery.clock import AHEAD
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.fleet import Host, ended
from tests.waiting import until

HOUR = 3600
STEPS = {"back": -HOUR, "forth": HOUR}


@pytest.fixture(scope="module")
def ahead(hosts_on_postgres: Hosts) -> Host:
    """A machine whose build worker's clock is an hour ahead; the live worker's is right."""
    host = hosts_on_postgres("ahead")
    host.work("build", **{AHEAD: str(HOUR)})
    host.work("live")
    return host


def test_an_hour_ahead_is_said_and_does_no_harm(ahead: Host) -> None:
    operation = ahead.ask("wait:1", "print:3")
    until(lambda: ended(operation), within=120)
    _is_in_order(operation)
    until(lambda: ahead.machine.workers.count() == 2, within=60)
    [said] = [one["message"] for one in presence.problems([ahead.machine])[ahead.machine.pk] if one["code"] == "clock"]
    assert re.fullmatch(r"The clock of ahead is 3,(59|60)\d s ahead of the database's\.", said)
    assert abs(ahead.machine.workers.get(lane="live").clock_ahead) < presence.SKEW


@pytest.mark.parametrize("step", ["back", pytest.param("forth", marks=pytest.mark.faults)])
def test_set_in_the_middle_of_an_operation(ahead: Host, step: str, full: bool) -> None:
    worker = ahead.worker("live")
    operation = ahead.ask(
        "wait:0.5", f"clock:{STEPS[step]}", "wait:15" if full else "wait:3", "print:3", "clock:0", lane="live"
    )
    until(lambda: ended(operation), within=120)
    _is_in_order(operation)
    assert worker.process.poll() is None
    after = ahead.ask(lane="live")
    until(lambda: ended(after), within=60)
    _is_in_order(after)


def test_what_was_asked_by_a_clock_ahead_is_rung_for_again(ahead: Host, broker: Broker) -> None:
    ahead.worker("build").kill()
    operation = ahead.ask()
    Operation.objects.filter(pk=operation.pk).update(created_at=timezone.now() + timedelta(seconds=HOUR))
    broker.redis.flushall()
    ahead.work("build")
    until(lambda: ended(operation), within=60)
    _is_in_order(operation)


def _is_in_order(operation: Operation) -> None:
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert operation.started_at
    assert operation.finished_at
    assert timedelta(0) <= operation.finished_at - operation.started_at < timedelta(seconds=60)
    times = [step[which] for step in operation.steps for which in ("started", "finished")]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60
    lines = logs.read_lines(operation, 1, 999)
    assert [line.n for line in lines] == list(range(1, 1 + len(lines)))
