"""Schedules as people ask for them: what is kept for beat, what is refused, what the trail tells."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from access.models import AuditEntry
from stacks import machines, schedules
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation, Schedule, ScheduleRun
from stacks.schedules import Cron, Every
from tests.conftest import People
from tests.schedules.conftest import Plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alone")]
NIGHTLY = Cron("0 2 * * 1-5", "Europe/Berlin")


def test_beat_has_a_row_that_rings_for_it(plan: Plan) -> None:
    schedule = plan(NIGHTLY)
    task = PeriodicTask.objects.get()
    assert (task.task, json.loads(task.args), task.enabled) == ("stacks.tasks.fire", [schedule.pk], True)
    assert str(task.crontab) != ""
    assert schedules.when(schedule) == NIGHTLY
    assert schedule.next_at == schedules.upcoming(NIGHTLY, timezone.now(), 1)[0]


def test_each_change_is_told_to_beat_and_kept_on_the_trail(plan: Plan, people: People) -> None:
    schedule = plan(NIGHTLY)
    seen = [PeriodicTasks.last_change()]
    schedules.pause(schedule=schedule, by=people.operator)
    seen.append(PeriodicTasks.last_change())
    schedules.resume(schedule=schedule, by=people.admin)
    seen.append(PeriodicTasks.last_change())
    schedules.save(schedule=Schedule.objects.get(), when=Every(7200, timezone.now()), by=people.admin)
    seen.append(PeriodicTasks.last_change())
    schedules.delete(schedule=schedule, by=people.operator)
    seen.append(PeriodicTasks.last_change())
    assert seen == sorted(set(seen))
    assert not PeriodicTask.objects.exists()
    told = list(AuditEntry.objects.filter(kind="schedule").order_by("number"))
    assert [entry.what for entry in told] == [
        f"The schedule “nightly” was {done}" for done in ("made", "paused", "resumed", "changed", "deleted")
    ]
    assert told[3].old.endswith("0 2 * * 1-5 Europe/Berlin, 3600 s late at most, for admin")
    assert "every 7200 s" in told[3].new
    assert {entry.machine for entry in told} == {"gp01"}


def test_what_is_paused_is_never_due_and_what_is_changed_stays_so(plan: Plan, people: People) -> None:
    schedule = plan()
    schedules.pause(schedule=schedule, by=people.operator)
    schedules.save(schedule=Schedule.objects.get(), when=Every(1, timezone.now()), by=people.operator)
    found = Schedule.objects.get()
    assert (found.next_at, found.task.enabled) == (None, False)
    schedules.fire_due()
    assert schedules.fire(found.pk) is None
    assert not Operation.objects.exists()


def test_what_was_missed_while_it_was_paused_is_not_made_up_for(plan: Plan, people: People) -> None:
    schedule = plan()
    schedules.pause(schedule=schedule, by=people.operator)
    Schedule.objects.update(since=timezone.now() - timedelta(days=3))
    schedules.resume(schedule=schedule, by=people.operator)
    schedules.fire_due()
    assert not ScheduleRun.objects.exists()


def test_run_by_hand(plan: Plan, people: People) -> None:
    schedule = plan(NIGHTLY, reason="keep")
    due = schedule.next_at
    run = schedules.run_now(schedule=schedule, by=people.admin)
    assert run.operation is not None
    assert run.operation.requested_by == people.admin
    assert run.operation.reason == "Schedule “nightly” of operator, run by hand: keep"
    again = schedules.run_now(schedule=schedule, by=people.admin)
    assert (again.state, again.operation) == ("skipped", None)
    schedule.refresh_from_db()
    assert schedule.next_at == due


def test_who_may_not_is_refused(plan: Plan, people: People) -> None:
    schedule = plan()
    for change in (schedules.pause, schedules.resume, schedules.run_now, schedules.delete):
        with pytest.raises(Refused, match="operator"):
            change(schedule=schedule, by=people.viewer)
    with pytest.raises(Refused, match="operator"):
        plan(name="another", by=people.viewer)
    assert Schedule.objects.count() == PeriodicTask.objects.count() == 1


def test_what_is_refused_leaves_nothing_behind(plan: Plan) -> None:
    plan(NIGHTLY)
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"name": "nightly"}, "a schedule “nightly” already"),
        ({"name": " "}, "a name"),
        ({"name": "x", "kind": "prune"}, "not “prune”"),
        ({"name": "x", "kind": "build", "recipe": "nowhere"}, "no recipe “nowhere”"),
        ({"name": "x", "when": Cron("0 2 * *", "UTC")}, "five fields"),
    )
    for asked, says in wrong:
        with pytest.raises(Refused, match=says):
            plan(**asked)
    assert Schedule.objects.count() == PeriodicTask.objects.count() == 1


def test_changing_twice_what_is_not_so(plan: Plan, people: People) -> None:
    schedule = plan()
    with pytest.raises(Refused, match="not paused"):
        schedules.resume(schedule=schedule, by=people.operator)
    schedules.pause(schedule=schedule, by=people.operator)
    with pytest.raises(Refused, match="paused already"):
        schedules.pause(schedule=schedule, by=people.operator)
    schedules.delete(schedule=schedule, by=people.operator)
    with pytest.raises(Refused, match="not there any more"):
        schedules.run_now(schedule=schedule, by=people.operator)


def test_a_machine_that_is_forgotten_takes_its_schedules_along(plan: Plan, gp01: Machine, people: People) -> None:
    schedule = plan()
    machines.forget(machine=gp01, by=people.admin)
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.exists()
    assert schedules.fire(schedule.pk) is None


def test_the_database_takes_nothing_else(plan: Plan) -> None:
    schedule = plan()
    at = timezone.now()
    ScheduleRun.objects.create(schedule=schedule, due_at=at, state="skipped")
    wrong: dict[str, dict[str, object]] = {
        "schedule_kind_has_recipe": {"kind": "build"},
        "schedule_build_deploys": {"deploy": True},
    }
    for name, fields in wrong.items():
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Schedule.objects.update(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScheduleRun.objects.create(schedule=schedule, due_at=at, state="skipped")
