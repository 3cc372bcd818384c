"""Ringing again, and giving up what has no worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from stacks import logs, operations
from stacks.engine import journal
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.logs import LogWriter
from stacks.models import Machine, Operation
from stacks.operations import upkeep
from tests.stacks.conftest import Broker, state_of

pytestmark = pytest.mark.django_db(transaction=True)


def submit(machine: Machine, *, age: float = 0.0, running: bool = False, silent: float = 0.0) -> Operation:
    operation = operations.submit(machine=machine, kind="build", parameters={"version": "a"})
    now = timezone.now()
    times = {"created_at": now - timedelta(seconds=age)}
    if running:
        operations.claim(operation_id=operation.pk)
        times["heartbeat_at"] = now - timedelta(seconds=silent)
    Operation.objects.filter(pk=operation.pk).update(**times)
    return operation


def test_sweep_rings_for_what_waits(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, age=11)
    assert operations.sweep() == []  # its own message is still there
    broker.redis.flushall()
    assert operations.sweep() == [operation.pk]
    assert operations.sweep() == []
    assert broker.redis.llen("dlstack:local.build") == 1


def test_sweep_leaves_the_young_and_the_running(machine: Machine, elsewhere: Machine, broker: Broker) -> None:
    submit(machine, age=1)
    submit(elsewhere, age=99, running=True)
    broker.redis.flushall()
    assert operations.sweep() == []


def test_sweep_without_a_broker(machine: Machine, no_broker: None) -> None:
    submit(machine, age=11)
    assert operations.sweep() == []


def test_what_holds_its_lock_lives(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True, silent=3600)
    with lane_lock(Layout(Path(machine.root)), "build"):
        assert operations.reap() == []
    assert state_of(operation) == "running"


def test_what_has_no_lock_is_interrupted_and_its_log_completed(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True)
    steps = [{"name": "a", "state": "succeeded"}, {"name": "b", "state": "running"}, {"name": "c", "state": "waiting"}]
    operations.record_steps(operation_id=operation.pk, steps=steps)
    killed = LogWriter(operation.pk)
    killed.sink(Event("output", "last words"))
    killed._stop()
    layout = Layout(Path(machine.root))
    journal.begin(layout, "build", operation=str(operation.pk), kind="build", version="a")
    assert operations.reap() == [operation.pk]
    operation.refresh_from_db()
    assert operation.state == "interrupted"
    assert operation.message == (
        "The worker was killed. The half-made version “a” was removed; the package caches were kept."
    )
    assert [step["state"] for step in operation.steps] == ["succeeded", "interrupted", "waiting"]
    assert [line.text for line in logs.tail(operation, 9)] == ["last words", operation.message]
    assert operation.log_lines == 2
    assert journal.pending(layout, "build") is None
    assert operations.reap() == []


def test_of_another_machine_the_silence_tells(elsewhere: Machine, broker: Broker) -> None:
    operation = submit(elsewhere, running=True, silent=20)
    assert operations.reap() == []
    Operation.objects.filter(pk=operation.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=31))
    assert operations.reap() == [operation.pk]
    operation.refresh_from_db()
    assert operation.message.startswith("The worker fell silent")


def test_a_clock_in_the_future_does_no_harm(elsewhere: Machine, broker: Broker) -> None:
    submit(elsewhere, running=True, silent=-3600)
    assert operations.reap() == []


def test_a_root_that_cannot_be_looked_at(machine: Machine, broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Machine.objects.filter(pk=machine.pk).update(root=str(tmp_path / "file" / "root"))
    operation = submit(machine, running=True, silent=1)
    assert operations.reap() == []
    Operation.objects.filter(pk=operation.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=31))
    assert operations.reap() == [operation.pk]


def test_logs_of_ended_operations_are_completed(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True)
    killed = LogWriter(operation.pk)
    killed.sink(Event("output", "last words"))
    killed._stop()
    operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    upkeep.complete_logs()
    operation.refresh_from_db()
    assert (operation.log_lines, logs.spooled_operations()) == (1, [])
