"""Schedules as people ask for them: written, changed, paused, resumed, run by hand, deleted."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from access import audit
from access.models import AuditEntry
from access.roles import OPERATE
from stacks.engine.errors import Refused
from stacks.models import Machine, Recipe, Schedule, ScheduleRun
from stacks.operations import refuse_unless_allowed
from stacks.schedules import firing, rule, timing
from stacks.schedules.rule import When
from stacks.storable import storable

BY_HAND = ", run by hand"


def save(*, schedule: Schedule, when: When, to: Collection[Machine] = (), by: User) -> Schedule:
    """Write a schedule, new or changed; from then on it asks in the name of who wrote it.

    Raises Refused for times that are none, a name that is taken and a recipe that is not there. What was due before is
    not made up for, and one that is paused stays so.
    """
    refuse_unless_allowed(by=by, right=OPERATE)
    rule.check(when)
    _refuse_wrong(schedule)
    try:
        with transaction.atomic():
            return _written(schedule, when, to, by)
    except IntegrityError:
        raise Refused(f"There is a schedule “{schedule.name}” already: choose another name.") from None


def pause(*, schedule: Schedule, by: User) -> None:
    """Let a schedule be due no more until it is resumed; raises Refused where it is paused."""
    refuse_unless_allowed(by=by, right=OPERATE)
    with transaction.atomic():
        held = _held(schedule)
        if not held.task.enabled:
            raise Refused(f"The schedule “{held.name}” is paused already.")
        timing.silence(held)
        _note(held, "was paused", by=by)


def resume(*, schedule: Schedule, by: User) -> None:
    """Let a schedule be due again, from now on and for who resumes it; raises Refused where it is not paused."""
    refuse_unless_allowed(by=by, right=OPERATE)
    with transaction.atomic():
        held = _held(schedule)
        if held.task.enabled:
            raise Refused(f"The schedule “{held.name}” is not paused.")
        held.task.enabled = True
        held.task.save()
        held.owner, held.stopped = by, ""
        _count_from_now(held)
        held.save(update_fields=["owner", "stopped", "since", "next_at", "claimed_at"])
        _note(held, "was resumed", by=by)


def run_now(*, schedule: Schedule, by: User) -> ScheduleRun:
    """Do at once what a schedule asks for, for who says so; its times stay as they are."""
    refuse_unless_allowed(by=by, right=OPERATE)
    with transaction.atomic():
        held = _held(schedule)
        run = ScheduleRun.objects.create(schedule=held, due_at=_now(held), state=ScheduleRun.State.SKIPPED)
        return firing.conclude(run, firing.attempt(held, by=by, how=BY_HAND))


def delete(*, schedule: Schedule, by: User) -> None:
    """Remove a schedule with what is on record of its runs; what it submitted stays."""
    refuse_unless_allowed(by=by, right=OPERATE)
    with transaction.atomic():
        held = _held(schedule)
        old = _described(held)
        held.task.delete()  # the schedule goes with it
        _note(held, "was deleted", by=by, old=old)


def _written(schedule: Schedule, when: When, to: Collection[Machine], by: User) -> Schedule:
    before = Schedule.objects.select_related("owner", *_TIMES).filter(pk=schedule.pk).first()
    old = _described(before) if before else ""
    task = before.task if before else PeriodicTask(name=f"schedule {uuid.uuid4()}")
    timing.write(task, when)
    task.save()
    schedule.task, schedule.owner, schedule.stopped = task, by, ""
    schedule.reason = storable(" ".join(schedule.reason.split()))
    _count_from_now(schedule, when)
    schedule.save()
    schedule.to.set(to if schedule.kind == Schedule.Kind.DEPLOY else ())
    timing.name_for_beat(schedule)
    _note(schedule, "was changed" if old else "was made", by=by, old=old, new=_described(schedule))
    return schedule


def _refuse_wrong(schedule: Schedule) -> None:
    if schedule.kind not in Schedule.Kind.values:
        raise Refused(f"A schedule can {', '.join(Schedule.Kind.values)}, not “{schedule.kind}”.")
    if not schedule.name.strip():
        raise Refused("Give the schedule a name.")
    if schedule.kind not in Schedule.OF_RECIPE:
        schedule.recipe, schedule.deploy = "", False
    elif not Recipe.objects.filter(name=schedule.recipe).exists():
        raise Refused(f"There is no recipe “{schedule.recipe}”: say of which versions are.")
    schedule.deploy = schedule.deploy and schedule.kind == Schedule.Kind.BUILD


def _count_from_now(schedule: Schedule, when: When | None = None) -> None:
    schedule.since = schedule.claimed_at = now = _now(schedule)
    found = rule.Every(when.seconds, now) if isinstance(when, rule.Every) else when or timing.when(schedule)
    schedule.next_at = rule.following(found, now) if schedule.task.enabled else None


def _now(schedule: Schedule) -> datetime:
    """Give the database's time, by which all that is due is told."""
    at: datetime = PeriodicTask.objects.filter(pk=schedule.task.pk).values_list(Now(), flat=True).get()
    return at


def _held(schedule: Schedule) -> Schedule:
    held = Schedule.objects.select_for_update(of=("self",)).select_related("machine", "owner", "task")
    if (found := held.filter(pk=schedule.pk).first()) is None:
        raise Refused(f"The schedule “{schedule.name}” is not there any more.")
    return found


_TIMES = ("machine", "task__crontab", "task__interval")


def _note(schedule: Schedule, done: str, *, by: User, old: str = "", new: str = "") -> None:
    what = f"The schedule “{schedule.name}” {done}"
    audit.record(AuditEntry.Kind.SCHEDULE, what, by=by, machine=schedule.machine.name, old=old, new=new)


def _described(schedule: Schedule) -> str:
    what = f"{schedule.kind} {schedule.recipe}".strip() + (" and deploy" if schedule.deploy else "")
    late = f"{schedule.grace} s late at most"
    return f"{what} on {schedule.machine}, {timing.told(schedule)}, {late}, for {schedule.owner}"
