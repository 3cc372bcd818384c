"""What comes of a time: submitted once, in whose name, or why not."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from access import accounts, roles
from access.models import AuditEntry
from stacks import marks, schedules
from stacks.models import Activation, Machine, Operation, Rollout, Schedule, ScheduleRun
from stacks.schedules import Cron, Every, doing, firing
from tests.conftest import People
from tests.rollouts.fleet import add_machine, end
from tests.schedules.conftest import Plan, let_be_due
from tests.schedules.windows import opened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alone")]


def came(schedule: Schedule) -> list[tuple[str, str]]:
    """Give state and message of a schedule's runs, the first one first."""
    return list(schedule.runs.order_by("pk").values_list("state", "message"))


def end_all() -> None:
    for operation in Operation.objects.filter(state="queued").select_related("machine"):
        Operation.objects.filter(pk=operation.pk).update(state="cancelled", finished_at=timezone.now())


def test_what_is_due_is_submitted_once_and_says_of_which_schedule(plan: Plan, people: People) -> None:
    schedule = let_be_due(plan(reason="users change much"))
    schedules.fire_due()
    schedules.fire_due()
    [operation] = Operation.objects.all()
    assert (operation.kind, operation.machine.name, operation.requested_by) == ("backup", "gp01", people.operator)
    assert operation.reason == "Schedule “nightly” of operator: users change much"
    [run] = schedule.runs.all()
    assert (run.state, run.operation) == ("submitted", operation)
    schedule.refresh_from_db()
    assert schedule.next_at is not None
    assert schedule.next_at > timezone.now()
    trail = AuditEntry.objects.filter(operation=operation.pk).get()
    assert (trail.who, "Schedule “nightly”" in trail.what) == ("operator", True)


def test_nothing_is_due_before_its_time(plan: Plan) -> None:
    schedule = plan(Cron("0 2 * * *", "Europe/Berlin"))
    assert schedules.fire(schedule.pk) is None
    assert schedules.fire(10**9) is None
    assert not ScheduleRun.objects.exists()


def test_of_many_at_once_one_does_it(plan: Plan) -> None:
    schedule = let_be_due(plan())
    started = threading.Barrier(8)

    def ring() -> None:
        try:
            started.wait()
            schedules.fire_due()
        finally:
            connection.close()

    threads = [threading.Thread(target=ring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert came(schedule) == [("submitted", "")]
    assert Operation.objects.count() == 1


def test_a_time_that_was_done_is_not_done_again_when_a_clock_was_set_back(plan: Plan) -> None:
    schedule = let_be_due(plan())
    schedules.fire_due()
    end_all()
    run = schedule.runs.get()
    Schedule.objects.filter(pk=schedule.pk).update(next_at=run.due_at)
    schedules.fire_due()
    assert Operation.objects.count() == 1


def test_a_clock_that_was_years_ahead_puts_nothing_off(plan: Plan) -> None:
    schedule, later = plan(), timezone.now() + timedelta(days=1000)
    Schedule.objects.filter(pk=schedule.pk).update(next_at=later, claimed_at=later)
    schedules.fire_due()
    schedule.refresh_from_db()
    assert schedule.next_at is not None
    assert schedule.next_at <= timezone.now() + timedelta(hours=1)
    assert not Operation.objects.exists()


def test_after_an_outage_only_the_latest_is_made_up_for(plan: Plan) -> None:
    schedule = let_be_due(plan(), times=20, ago=600)
    schedules.fire_due()
    [run] = schedule.runs.all()
    assert run.state == "submitted"
    assert timedelta(seconds=590) < timezone.now() - run.due_at < timedelta(seconds=700)


def test_and_not_beyond_its_grace(plan: Plan) -> None:
    schedule = let_be_due(plan(grace=300), times=20, ago=600)
    schedules.fire_due()
    [(state, message)] = came(schedule)
    assert state == "missed"
    assert message.endswith("UTC, and nothing ran until more than 300 s later.")
    assert not Operation.objects.exists()


def test_while_the_last_has_not_ended_the_next_is_skipped(plan: Plan) -> None:
    schedule = let_be_due(plan())
    schedules.fire_due()
    operation = Operation.objects.get()
    schedules.fire_due()
    schedules.fire_due()
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    assert came(schedule) == [
        ("submitted", ""),
        ("skipped", f"Its backup #{operation.pk} (queued) has not ended."),
    ]
    end_all()
    let_be_due(schedule, ago=0.1)
    schedules.fire_due()
    assert [state for state, _ in came(schedule)] == ["submitted", "skipped", "submitted"]


def test_a_busy_lane_and_a_freeze_are_told(plan: Plan, gp01: Machine, people: People) -> None:
    other = Operation.objects.create(machine=gp01, kind="solve", lane="build", parameters={})
    schedule = let_be_due(plan())
    schedules.fire_due()
    [(state, message)] = came(schedule)
    assert state == "refused"
    assert f"gp01 is busy: the solve (#{other.pk}" in message
    end_all()
    Activation.objects.filter(version__name="b").delete()
    marks.freeze(machine=gp01, by=None, reason="hands off")
    deploys = let_be_due(plan(name="deploys", kind="build", recipe="starter", deploy=True))
    schedules.fire_due()
    assert came(deploys)[0][0] == "refused"
    assert "gp01 is frozen since" in came(deploys)[0][1]


def test_rights_are_asked_for_when_it_is_due(plan: Plan, people: People) -> None:
    schedule = let_be_due(plan())
    roles.assign(people.operator, roles.Role.VIEWER)
    schedules.fire_due()
    assert came(schedule) == [
        ("refused", "operator has the role viewer; this needs the role operator, which an admin can give.")
    ]
    roles.assign(people.operator, roles.Role.OPERATOR)
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    assert came(schedule)[-1][0] == "submitted"


def test_of_who_is_shut_out_all_stop_and_say_so(plan: Plan, people: People) -> None:
    schedule = let_be_due(plan())
    accounts.close(user=people.operator, by=people.admin)
    schedules.fire_due()
    [(state, message)] = came(schedule)
    assert (state, message[:40]) == ("refused", "Stopped: the account operator is closed.")
    schedule = Schedule.objects.get()
    assert (schedule.next_at, schedule.task.enabled, schedule.stopped) == (None, False, message)
    assert AuditEntry.objects.filter(kind="schedule", what__contains="Stopped: the account operator").exists()
    schedules.resume(schedule=schedule, by=people.admin)
    schedule.refresh_from_db()
    assert (schedule.owner, schedule.stopped, schedule.next_at is not None) == (people.admin, "", True)
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    assert Operation.objects.get().requested_by == people.admin


def test_a_build_asks_as_the_form_does(plan: Plan) -> None:
    schedule = let_be_due(plan(kind="build", recipe="starter", deploy=True))
    schedules.fire_due()
    operation = Operation.objects.get()
    assert (operation.kind, operation.lane) == ("build", "build")
    assert (operation.parameters["recipe"], operation.parameters["deploy"]) == ("starter", True)
    operation.state, operation.finished_at = "succeeded", timezone.now()
    operation.save()
    child = Operation.objects.create(
        machine=operation.machine, kind="deploy", lane="live", parameters={"version": "c"}, parent=operation
    )
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    assert came(schedule)[-1] == ("skipped", f"Its deploy #{child.pk} (queued) has not ended.")


def of_recipe(machine: Machine, plan_recipe: str = "starter") -> None:
    """Let all versions of a machine be of a recipe."""
    from stacks.models import RecipeRevision

    machine.versions.update(recipe_revision=RecipeRevision.objects.get(recipe__name=plan_recipe))


def test_the_newest_healthy_version_is_deployed_and_nothing_where_it_is_active(plan: Plan, gp01: Machine) -> None:
    of_recipe(gp01)
    schedule = let_be_due(plan(kind="deploy", recipe="starter"))
    schedules.fire_due()
    operation = Operation.objects.get()
    assert (operation.kind, operation.parameters["version"]) == ("deploy", "b")
    end(operation)
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    assert came(schedule)[-1] == ("skipped", "“b” is the newest of starter, and active already.")


def test_what_somebody_went_back_from_is_not_deployed_again(plan: Plan, gp01: Machine) -> None:
    from stacks import operations

    of_recipe(gp01)
    schedule = let_be_due(plan(kind="deploy", recipe="starter"))
    schedules.fire_due()
    end(Operation.objects.get())
    gp01.refresh_from_db()
    end(operations.revert(machine=gp01, requested_by=None))
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    state, message = came(schedule)[-1]
    assert (state, message.startswith("“b”, the newest of starter, was active on gp01 before")) == ("skipped", True)
    marks.mark_bad(version=gp01.versions.get(name="b"), by=None, reason="it hangs")
    let_be_due(schedule, ago=0.1)
    schedules.fire_due()
    assert came(schedule)[-1] == ("skipped", "“a” is the newest of starter, and active already.")


def test_a_recipe_of_which_nothing_is_there(plan: Plan) -> None:
    schedule = let_be_due(plan(kind="deploy", recipe="starter"))
    schedules.fire_due()
    assert came(schedule) == [("refused", "No healthy version of starter is on gp01: build one first.")]


def test_many_machines_are_a_rollout(plan: Plan, gp01: Machine) -> None:
    of_recipe(gp01)
    others = [add_machine("gp02"), add_machine("gp03")]
    schedule = let_be_due(plan(kind="deploy", recipe="starter", to=others))
    schedules.fire_due()
    rollout = Rollout.objects.get()
    assert [target.machine.name for target in rollout.targets.order_by("order")] == ["gp01", "gp02", "gp03"]
    assert (rollout.canary, rollout.reason) == (1, "Schedule “nightly” of operator")
    let_be_due(schedule, ago=0.5)
    schedules.fire_due()
    assert came(schedule)[-1] == ("skipped", f"Its rollout #{rollout.pk} (running) has not ended.")


def test_a_window_refuses_deploys_and_no_backup(plan: Plan, gp01: Machine) -> None:
    of_recipe(gp01)
    opened(gp01)
    backup = let_be_due(plan())
    deploy = let_be_due(plan(name="deploys", kind="deploy", recipe="starter"))
    schedules.fire_due()
    assert came(backup) == [("submitted", "")]
    end_all()
    let_be_due(deploy, ago=0.5)
    schedules.fire_due()
    state, message = came(deploy)[-1]
    assert state == "refused"
    assert "gp01 is in the freeze window “Observing” (“sky survey”) until" in message


def test_verify_is_of_what_is_active(plan: Plan) -> None:
    let_be_due(plan(kind="verify"))
    schedules.fire_due()
    assert Operation.objects.get().parameters == {"version": "a", "full": True}


def test_one_that_breaks_holds_up_no_other(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = let_be_due(plan(name="a")), let_be_due(plan(name="b", kind="verify"))
    Schedule.objects.filter(pk=broken.pk).update(kind="backup")
    submit = doing.submit

    def fail(schedule: Schedule, **asked: Any) -> Operation | Rollout:
        if schedule.name == "a":
            raise ZeroDivisionError
        return submit(schedule, **asked)

    monkeypatch.setattr(doing, "submit", fail)
    schedules.fire_due()
    assert came(sound) == [("submitted", "")]
    assert came(broken) == []  # nothing of it is kept: the next round tries again
    assert "ZeroDivisionError" in caplog.text


def test_only_the_latest_runs_are_kept(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "KEPT", 3)
    schedule = plan(Every(1, timezone.now()), grace=0)
    for number in range(6):
        run = firing.begin(schedule, timezone.now() + timedelta(seconds=number))
        assert run is not None
        firing.conclude(run, firing.Came("skipped", str(number)))
    assert [message for _, message in came(schedule)] == ["3", "4", "5"]
