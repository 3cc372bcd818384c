"""Asking for operations: one per lane, refusals that say who, cancel and retry."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from stacks import operations
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation
from stacks.operations import doorbell
from tests.broker import Broker
from tests.conftest import People
from tests.stacks.conftest import state_of
from tests.waiting import until

BUILD = {"version": "a"}


def submit(machine: Machine, kind: str = "build", **rest: Any) -> Operation:
    return operations.submit(machine=machine, kind=kind, parameters=BUILD, **rest)


def test_submit_writes_a_queued_row(machine: Machine, operator: User) -> None:
    operation = submit(machine, requested_by=operator, reason="new numpy")
    operation.refresh_from_db()
    assert (operation.state, operation.lane, operation.kind) == ("queued", "build", "build")
    assert (operation.requested_by, operation.reason, operation.parameters) == (operator, "new numpy", BUILD)


def test_a_busy_lane_refuses_and_says_who(machine: Machine, operator: User) -> None:
    first = submit(machine, requested_by=operator)
    with pytest.raises(
        Refused, match=rf"local is busy: the build of a \(#{first.pk}, operator\) is waiting since \d\d:"
    ):
        submit(machine)
    operations.claim(operation_id=first.pk)
    with pytest.raises(Refused, match=r"is running since .*: wait for it, or cancel it first"):
        submit(machine)
    assert Operation.objects.count() == 1


def test_lanes_and_machines_do_not_wait_for_one_another(machine: Machine, elsewhere: Machine) -> None:
    submit(machine)
    submit(machine, "deploy")
    submit(elsewhere)
    with pytest.raises(Refused, match="the command line"):
        submit(machine, "revert")


def test_the_bell_is_rung_on_commit_only(
    machine: Machine, broker: Broker, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        operation = submit(machine)
        assert not doorbell.is_rung(operation)
    assert doorbell.is_rung(operation)
    [message] = broker.redis.lrange("dlstack:local.build", 0, -1)
    assert "stacks.tasks.run" in message
    assert "recipe" not in message


def test_the_bell_of_another_machine_is_rung_too(
    elsewhere: Machine, broker: Broker, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        operation = submit(elsewhere)
    assert doorbell.is_rung(operation)


def test_a_broker_that_is_away_costs_a_moment_only(machine: Machine, no_broker: None) -> None:
    operation = submit(machine)
    began = time.monotonic()
    assert not doorbell.ring(operation)
    assert not doorbell.ring(operation)
    assert not doorbell.is_rung(operation)
    assert time.monotonic() - began < 3


def test_a_broker_that_hangs_costs_a_moment_only(machine: Machine, broker: Broker) -> None:
    operation = submit(machine)
    broker.redis.execute_command("CLIENT", "PAUSE", "4000", "ALL")
    began = time.monotonic()
    assert not doorbell.ring(operation)
    assert time.monotonic() - began < 5
    while not broker._answers():
        pass


@pytest.fixture
def connected(broker: Broker) -> Iterator[None]:
    """This process keeps its connections to the broker, as the web server does."""
    doorbell.stay_connected()
    yield
    doorbell._Broker.stays_connected = False


def test_a_connection_is_kept_where_somebody_waits_for_each_ring(
    machine: Machine, broker: Broker, connected: None
) -> None:
    operation = submit(machine)
    assert doorbell.ring(operation)
    before = broker.redis.info("stats")["total_connections_received"]
    assert all(doorbell.ring(operation) for _ in range(10))
    assert broker.redis.info("stats")["total_connections_received"] == before
    assert broker.redis.llen("dlstack:local.build") == 11


def test_a_kept_connection_outlives_the_broker(machine: Machine, broker: Broker, connected: None) -> None:
    operation = submit(machine)
    assert doorbell.ring(operation)
    broker.stop()
    assert not doorbell.ring(operation)
    broker.start()
    assert doorbell.ring(operation)
    broker.stop()  # and once more, unnoticed meanwhile
    broker.start()
    broker.redis.flushall()
    assert doorbell.ring(operation)
    assert doorbell.is_rung(operation)


def test_a_kept_connection_outlives_a_broker_that_hangs(machine: Machine, broker: Broker, connected: None) -> None:
    operation = submit(machine)
    assert doorbell.ring(operation)
    broker.redis.execute_command("CLIENT", "PAUSE", "2000", "ALL")
    assert not doorbell.ring(operation)
    until(broker._answers)
    broker.redis.flushall()
    broker.forgive()
    assert doorbell.ring(operation)
    assert doorbell.is_rung(operation)


def test_threads_that_ring_at_once_share_what_is_kept(machine: Machine, broker: Broker, connected: None) -> None:
    operation = submit(machine)
    threads = [threading.Thread(target=doorbell.ring, args=(operation,)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broker.redis.llen("dlstack:local.build") == 40


@pytest.mark.django_db(transaction=True)
def test_of_many_clicks_at_once_one_wins(machine: Machine, no_broker: None) -> None:
    results: list[str] = []

    def click() -> None:
        try:
            results.append(str(submit(machine)))
        except Refused as refusal:
            results.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Operation.objects.count() == 1
    assert sum("is busy" in result for result in results) == 7


def test_a_refusal_leaves_the_transaction_usable(machine: Machine) -> None:
    submit(machine)
    with transaction.atomic():
        with pytest.raises(Refused):
            submit(machine)
        assert Operation.objects.count() == 1


def test_cancel_of_a_queued_operation_ends_it(machine: Machine, people: People) -> None:
    operation = operations.request_cancel(operation=submit(machine), by=people.operator)
    assert operation.state == "cancelled"
    assert operation.message == "Cancelled by operator before it began."
    assert operation.finished_at
    assert not operations.claim(operation_id=operation.pk)
    submit(machine)


def test_cancel_of_a_running_operation_asks(machine: Machine, people: People) -> None:
    operation = submit(machine)
    operations.claim(operation_id=operation.pk)
    operations.request_cancel(operation=operation, by=people.operator)
    first = operation.cancel_requested_at
    operations.request_cancel(operation=operation, by=people.admin)
    assert (operation.state, operation.cancel_requested_by) == ("running", people.operator)
    assert operation.cancel_requested_at == first
    assert operations.is_cancel_requested(operation_id=operation.pk)


def test_cancel_of_an_ended_operation_is_refused(machine: Machine) -> None:
    operation = submit(machine)
    operations.claim(operation_id=operation.pk)
    operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    with pytest.raises(Refused, match="has already ended: it succeeded"):
        operations.request_cancel(operation=operation, by=None)
    assert state_of(operation) == "succeeded"


@pytest.mark.parametrize("state", ["failed", "cancelled", "interrupted"])
def test_retry_asks_for_the_same_again(machine: Machine, operator: User, state: str) -> None:
    operation = submit(machine, "deploy", reason="why")
    operations.claim(operation_id=operation.pk)
    operations.finish(operation_id=operation.pk, state=state, message="No.")
    operation.refresh_from_db()
    again = operations.retry(operation=operation, by=operator)
    assert (again.kind, again.parameters, again.reason) == ("deploy", BUILD, "why")
    assert (again.retry_of, again.requested_by, again.state) == (operation, operator, "queued")


def test_retry_of_a_build_takes_a_new_generation(machine: Machine) -> None:
    operation = submit(machine)
    operations.request_cancel(operation=operation, by=None)
    again = operations.retry(operation=operation, by=None)
    machine.refresh_from_db()
    assert again.parameters == {"version": "a", "generation": 1}
    assert machine.generation == 1


def test_retry_is_refused_while_it_runs_and_when_it_succeeded(machine: Machine) -> None:
    operation = submit(machine)
    with pytest.raises(Refused, match="has not ended yet"):
        operations.retry(operation=operation, by=None)
    operations.claim(operation_id=operation.pk)
    operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    operation.refresh_from_db()
    with pytest.raises(Refused, match="nothing to retry"):
        operations.retry(operation=operation, by=None)
