"""One operation from the lock to its final state, in this process: every way out is recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from stacks import logs, operations, running
from stacks.engine import journal
from stacks.engine.errors import Interrupted
from stacks.engine.layout import Layout
from stacks.engine.locks import RECOVERY, is_free, lane_lock
from stacks.engine.stop import Stop
from stacks.logs import spool
from stacks.models import Activation, Machine, Operation, Version
from stacks.operations.attempts import Conclusion
from stacks.plans.base import Context, Plan, Step
from stacks.running import pulse, runner
from stacks.running.attempt import CAME_BACK, GIVEN_UP
from stacks.running.pulse import Pulse
from tests.broker import Broker
from tests.conftest import People
from tests.stacks import tiny
from tests.stacks.conftest import Seal, state_of
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[..., Operation]


@pytest.fixture
def ask(machine: Machine, broker: Broker) -> Ask:
    def submit(*work: str, kind: str = "build", on: Machine = machine, **rest: Any) -> Operation:
        parameters = {"version": "a", "generation": 1, "work": list(work)} | rest
        return operations.submit(machine=on, kind=kind, parameters=parameters)

    return submit


def run(operation: Operation, **rest: Any) -> Operation:
    running.run(operation.pk, **{"plan_for": tiny.plan_for, **rest})
    operation.refresh_from_db()
    return operation


def texts(operation: Operation) -> list[str]:
    return [line.text for line in logs.read_lines(operation, 1, 9999)]


def test_success(ask: Ask, machine: Machine) -> None:
    done = run(ask("succeed"))
    assert (done.state, done.log_lines) == ("succeeded", 2)
    assert not spool.directory(done.pk).exists()
    assert is_free(Layout(Path(machine.root)), "build")
    machine.refresh_from_db()
    assert machine.observed_at


def test_a_failure_is_told_in_its_own_words(ask: Ask) -> None:
    done = run(ask("succeed", "fail"))
    assert (done.state, done.message) == ("failed", "The package nosuch does not exist.")
    assert [step["state"] for step in done.steps] == ["succeeded", "failed", "waiting"]
    assert texts(done)[-3:] == ["The package nosuch does not exist.", "fail was undone", "succeed was undone"]
    assert Version.objects.count() == 0


def test_a_step_knows_its_first_line(ask: Ask) -> None:
    done = run(ask("succeed", "fail"))
    first = {line.step: line.n for line in logs.read_lines(done, 1, 9999) if line.kind == "step"}
    assert [step["line"] for step in done.steps] == [first["succeed"], first["fail"], None]


def test_a_refusal_by_the_plan(ask: Ask) -> None:
    done = run(ask("refuse"))
    assert (done.state, done.message) == ("failed", "There is no room for it: free some.")
    assert done.outcome == {"refused": True}
    assert texts(done) == [done.message]


def test_a_bug_leaves_its_traceback_in_the_log(ask: Ask) -> None:
    done = run(ask("bug"))
    assert (done.state, done.message) == ("failed", "Unexpected ValueError: a bug. The log has the details.")
    assert texts(done)[-2:] == ["ValueError: a bug", "with lines"]


def test_a_bug_of_the_planner(ask: Ask) -> None:
    def plan_for(kind: str, context: Context) -> Plan:
        raise KeyError("version")

    done = run(ask(), plan_for=plan_for)
    assert (done.state, done.message) == ("failed", "Unexpected KeyError: 'version'. The log has the details.")


def test_the_end_of_the_process_is_recorded_and_raised(ask: Ask) -> None:
    operation = ask("exit")
    with pytest.raises(SystemExit):
        run(operation)
    assert state_of(operation) == "interrupted"


def test_the_end_of_the_worker(ask: Ask) -> None:
    operation = ask("wait:30")
    began = time.monotonic()
    done = run(operation, is_stopping=lambda: time.monotonic() - began > 0.5)
    assert done.state == "interrupted"
    assert "during “Do wait:30”" in done.message


def test_nothing_is_begun_when_the_worker_ends(ask: Ask) -> None:
    assert run(ask(), is_stopping=lambda: True).state == "queued"


def test_only_what_is_queued_here_is_run(ask: Ask, elsewhere: Machine) -> None:
    assert run(ask("succeed", on=elsewhere)).state == "queued"
    cancelled = operations.request_cancel(operation=ask("succeed"), by=None)
    assert run(cancelled).steps == []
    running.run(12345)


def test_two_workers_with_the_same_delivery_run_it_once(ask: Ask, tmp_path: Path) -> None:
    operation = ask("wait:1", ran=str(tmp_path / "ran"))

    def work() -> None:
        running.run(operation.pk, plan_for=tiny.plan_for)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state_of(operation) == "succeeded"
    assert (tmp_path / "ran").read_text() == "wait:1\n"


def test_a_lane_that_is_in_use(ask: Ask, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOCK_PATIENCE", 0.3)
    with lane_lock(Layout(Path(machine.root)), "build", "python -m stacks.engine"):
        done = run(ask())
    assert done.state == "failed"
    assert "in use by python -m stacks.engine" in done.message
    assert done.outcome == {"refused": True}


def test_what_a_killed_operation_left_is_recovered_first(ask: Ask, machine: Machine) -> None:
    journal.begin(Layout(Path(machine.root)), "build", operation="1", kind="build", version="half")
    done = run(ask("succeed"))
    assert done.state == "succeeded"
    assert texts(done)[0] == "The half-made version “half” was removed; the package caches were kept."


def test_a_log_that_cannot_be_written_begins_nothing(ask: Ask, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.LOG_SPOOL = tmp_path / "file"
    done = run(ask())
    assert done.state == "failed"
    assert "log cannot be written, so nothing was begun" in done.message


def test_a_record_that_is_refused_does_not_hide_what_was_done(ask: Ask, machine: Machine) -> None:
    # No such version on record: the activation cannot be written.
    done = run(ask(kind="deploy"))
    assert (done.state, done.message) == ("succeeded", "“a” is active.")
    assert Activation.objects.count() == 0


def test_deploy_is_recorded(ask: Ask, sealed: Seal) -> None:
    version = sealed("a")
    done = run(ask(kind="deploy"))
    assert Activation.objects.get(operation=done).version == version


def test_given_up_meanwhile(ask: Ask) -> None:
    operation = ask()

    def plan_for(kind: str, context: Context) -> Plan:
        operations.finish(operation_id=operation.pk, state="interrupted", message="Silent.")
        return tiny.plan_for(kind, context)

    done = run(operation, plan_for=plan_for)
    assert (done.state, done.message) == ("interrupted", "Silent.")
    assert Version.objects.count() == 0


def test_given_up_in_the_last_step_the_outcome_stays_and_says_what_was_done(ask: Ask) -> None:
    operation = ask()
    last = Step("last", "The last", "", lambda _: _give_up(operation))
    done = run(operation, plan_for=lambda kind, _: Plan(kind, "", (last,)))
    assert done.state == "interrupted"
    assert done.message == f"Silent. {CAME_BACK} “a” is built and sealed."


def test_given_up_between_two_steps_nothing_more_is_done(ask: Ask, tmp_path: Path) -> None:
    operation = ask("succeed", "fail", ran=str(tmp_path / "ran"))

    def plan_for(kind: str, context: Context) -> Plan:
        plan = tiny.plan_for(kind, context)
        give_up = Step("silence", "Fall silent", "", lambda _: _give_up(operation))
        return Plan(kind, "", (plan.steps[0], give_up, *plan.steps[1:]))

    done = run(operation, plan_for=plan_for)
    assert (done.state, done.message) == ("interrupted", "Silent.")
    assert (tmp_path / "ran").read_text() == "succeed\n"
    assert texts(done)[-2:] == [GIVEN_UP, "succeed was undone"]
    assert done.log_lines == len(texts(done))


def _give_up(operation: Operation) -> None:
    operations.finish(operation_id=operation.pk, state="interrupted", message="Silent.")


def test_asked_again_a_claim_is_answered_as_before(ask: Ask) -> None:
    operation = ask()
    assert operations.claim(operation_id=operation.pk, attempt="mine")
    assert operations.claim(operation_id=operation.pk, attempt="mine")
    assert not operations.claim(operation_id=operation.pk, attempt="another's")
    assert not operations.claim(operation_id=operation.pk)


def test_asked_again_an_end_is_recorded_once(ask: Ask) -> None:
    operation = ask()
    operations.claim(operation_id=operation.pk)
    end = Conclusion("succeeded", "Done.", {"x": 1})
    assert operations.conclude(operation_id=operation.pk, conclusion=end, log_lines=3)
    assert operations.conclude(operation_id=operation.pk, conclusion=end, log_lines=3)
    assert not operations.conclude(operation_id=operation.pk, conclusion=replace(end, state="failed"), log_lines=0)
    operation.refresh_from_db()
    assert (operation.state, operation.message, operation.log_lines) == ("succeeded", "Done.", 3)


def test_a_lane_that_is_being_mended_is_waited_for(ask: Ask, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOCK_PATIENCE", 0.1)
    layout, operation = Layout(Path(machine.root)), ask()
    with ExitStack() as held:
        held.enter_context(lane_lock(layout, "build", f"{RECOVERY} of operation #1"))
        threading.Timer(1.0, held.pop_all().close).start()
        assert run(operation).state == "succeeded"


def test_a_database_that_is_away_for_a_moment(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    finish = operations.lifecycle.finish

    def flaky(**fields: Any) -> bool:
        calls.append(None)
        if len(calls) < 3:
            raise OperationalError("the server closed the connection")
        return finish(**fields)

    monkeypatch.setattr(operations.lifecycle, "finish", flaky)
    assert run(ask("succeed")).state == "succeeded"


def test_the_pulse_beats_and_hears(ask: Ask, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT", 0.2)
    operation, stop = ask(), Stop()
    operations.claim(operation_id=operation.pk)
    old = timezone.now() - timedelta(hours=1)
    Operation.objects.filter(pk=operation.pk).update(heartbeat_at=old)
    with Pulse(operation.pk, stop, lambda: False):
        until(lambda: Operation.objects.get().heartbeat_at != old)
        assert not stop.is_set()
        operations.request_cancel(operation=operation, by=people.admin)
        until(stop.cancelled.is_set, within=2)
        operations.finish(operation_id=operation.pk, state="interrupted", message="Given up.")
        until(stop.interrupted.is_set, within=2)
    with pytest.raises(Interrupted):
        stop.check()


def test_progress_is_written_twice_a_second_at_most(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[float] = []
    monkeypatch.setattr("stacks.operations.steps.record_steps", lambda **_: writes.append(time.monotonic()))

    def busy(context: Context) -> None:
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            context.advance(1, 2, "files")

    done = run(ask(), plan_for=lambda kind, context: Plan(kind, "", (Step("busy", "Busy", "", busy),)))
    assert 4 <= len(writes) <= 6
    assert done.steps[0]["progress"] == {"done": 1, "total": 2, "unit": "files"}
