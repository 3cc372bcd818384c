"""Ringing again, and giving up what has no worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from stacks import logs, operations
from stacks.engine import durable, journal
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.logs import LogWriter
from stacks.models import Machine, Operation
from stacks.operations import attempts, mending
from stacks.operations.attempts import Conclusion
from stacks.operations.silence import Silence
from tests.broker import Broker
from tests.stacks.conftest import state_of

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


class Looks:
    """A reaper that looks every ten seconds of a clock of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.silence = Silence(lambda: self.now)

    def reap(self, *, seconds: float = 0.0) -> list[int]:
        until, found = self.now + seconds, operations.reap(self.silence)
        while self.now < until:
            self.now += 10
            found += operations.reap(self.silence)
        return found


def test_of_another_machine_the_silence_tells(elsewhere: Machine, broker: Broker) -> None:
    operation, looks = submit(elsewhere, running=True), Looks()
    assert looks.reap(seconds=50) == []
    assert operations.heartbeat(operation_id=operation.pk)
    assert looks.reap(seconds=50) == []
    assert looks.reap(seconds=10) == [operation.pk]
    operation.refresh_from_db()
    assert operation.message.startswith("The worker fell silent")


@pytest.mark.parametrize("silent", [3600, -3600], ids=["ahead", "behind"])
def test_a_clock_of_the_database_that_is_set_does_no_harm(elsewhere: Machine, broker: Broker, silent: float) -> None:
    operation, looks = submit(elsewhere, running=True, silent=silent), Looks()
    assert looks.reap(seconds=50) == []
    operations.heartbeat(operation_id=operation.pk)
    assert looks.reap(seconds=50) == []
    assert looks.reap(seconds=10) == [operation.pk]


def test_while_the_reaper_could_not_look_nobody_was_silent(elsewhere: Machine, broker: Broker) -> None:
    submit(elsewhere, running=True)
    looks = Looks()
    looks.reap()
    looks.now += 3600  # the database was away, or all processes were stopped
    assert looks.reap(seconds=50) == []


def test_one_that_is_heard_at_the_last_moment_lives(elsewhere: Machine, broker: Broker) -> None:
    operation = submit(elsewhere, running=True, silent=60)
    operation.refresh_from_db()
    assert operations.heartbeat(operation_id=operation.pk)
    assert not mending.interrupt(operation, "Silent.", last_heard=operation.heartbeat_at)
    assert state_of(operation) == "running"


def test_a_root_that_cannot_be_looked_at(machine: Machine, broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Machine.objects.filter(pk=machine.pk).update(root=str(tmp_path / "file" / "root"))
    operation, looks = submit(machine, running=True), Looks()
    assert looks.reap(seconds=50) == []
    assert looks.reap(seconds=10) == [operation.pk]


def test_what_was_given_up_elsewhere_is_mended_here_and_its_page_says_so(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True)
    layout = Layout(Path(machine.root))
    journal.begin(layout, "build", operation=str(operation.pk), kind="build", version="a")
    operations.finish(operation_id=operation.pk, state="interrupted", message="The worker fell silent.")
    with lane_lock(layout, "build"):
        operations.reap()
    assert journal.pending(layout, "build")
    operations.reap()
    operation.refresh_from_db()
    mended = "The half-made version “a” was removed; the package caches were kept."
    assert operation.message == f"The worker fell silent. {mended}"
    assert [line.text for line in logs.tail(operation, 9)] == [mended]
    assert journal.pending(layout, "build") is None


def test_an_end_that_the_database_did_not_learn_is_learned_from_the_disk(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True)
    attempts.begin(Layout(Path(machine.root)), operation.pk)
    steps = [{"name": "a", "state": "succeeded"}]
    attempts.end(operation.pk, Conclusion("failed", "There is no room: free some.", {"x": 1}, steps, refused=True))
    assert operations.reap() == [operation.pk]
    operation.refresh_from_db()
    assert (operation.state, operation.message) == ("failed", "There is no room: free some.")
    assert (operation.outcome, operation.steps) == ({"x": 1, "refused": True}, steps)
    assert logs.spooled_operations() == []


def test_done_by_the_journal_is_done(machine: Machine, broker: Broker) -> None:
    operation, layout = submit(machine, running=True), Layout(Path(machine.root))
    journal.append(layout, {"operation": str(operation.pk), "kind": "build", "version": "old", "outcome": "succeeded"})
    attempts.begin(layout, operation.pk)
    journal.begin(layout, "build", operation=str(operation.pk), kind="build", version="a")
    journal.end(layout, "build", "succeeded")
    assert operations.reap() == [operation.pk]
    operation.refresh_from_db()
    assert (operation.state, operation.message) == ("succeeded", mending.DONE)


def test_an_entry_of_an_earlier_life_with_the_same_number_says_nothing(machine: Machine, broker: Broker) -> None:
    operation, layout = submit(machine, running=True), Layout(Path(machine.root))
    journal.append(layout, {"operation": str(operation.pk), "kind": "build", "version": "a", "outcome": "succeeded"})
    attempts.begin(layout, operation.pk)
    operations.reap()
    operation.refresh_from_db()
    assert (operation.state, operation.message) == (
        "interrupted",
        "The worker was killed. It had not changed anything yet.",
    )


def test_a_log_that_is_still_written_is_left_alone(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True)
    writer = LogWriter(operation.pk)
    writer.sink(Event("output", "first words"))
    operations.finish(operation_id=operation.pk, state="interrupted", message="Silent.")
    with lane_lock(Layout(Path(machine.root)), "build"):
        operations.reap()
        writer.sink(Event("output", "last words"))
        writer.close("interrupted")
    operations.reap()
    operation.refresh_from_db()
    assert [line.text for line in logs.tail(operation, 9)] == ["first words", "last words"]


def test_logs_of_ended_operations_are_completed(machine: Machine, broker: Broker) -> None:
    operation = submit(machine, running=True)
    killed = LogWriter(operation.pk)
    killed.sink(Event("output", "last words"))
    killed._stop()
    operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    mending.complete_logs()
    operation.refresh_from_db()
    assert (operation.log_lines, logs.spooled_operations()) == (1, [])


def test_what_a_worker_had_half_written_when_it_was_killed_keeps_no_log_from_completion(
    machine: Machine, broker: Broker
) -> None:
    operation = submit(machine, running=True)
    LogWriter(operation.pk)._stop()
    durable.temporary_name(logs.spool_directory(operation.pk) / "attempt.json").write_text("{")
    operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    mending.complete_logs()
    assert logs.spooled_operations() == []
