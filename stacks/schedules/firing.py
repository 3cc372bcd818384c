"""Doing what is due: each time is claimed once, whoever rings; what came of it is kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from access import audit
from access.models import AuditEntry
from stacks.engine.errors import EngineError, NothingToDo
from stacks.models import Operation, Rollout, Schedule, ScheduleRun
from stacks.schedules import doing, rule
from stacks.schedules.timing import silence, when

KEPT = 200  # runs of each schedule
# What was claimed later than now was so by a clock that was ahead: counted anew, or it would wait as long.
SET_BACK = timedelta(hours=1)
State = ScheduleRun.State

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a time."""

    state: str
    message: str = ""
    operation: Operation | None = None
    rollout: Rollout | None = None


def fire_due() -> None:
    """Do what is due of all schedules; beat rings for each by itself, too."""
    due = Schedule.objects.filter(Q(next_at__lte=Now()) | Q(claimed_at__gt=Now() + SET_BACK, next_at__isnull=False))
    for pk in due.values_list("pk", flat=True):
        try:
            fire(pk)
        except Exception:  # the others are done, and the next round tries this one again
            logger.exception("Schedule %s", pk)


def fire(pk: int) -> ScheduleRun | None:
    """Do what is due of one schedule; of two who do it at once, or of one who comes too early, none does anything."""
    with transaction.atomic():
        schedule = _read(pk)
        if schedule is None or schedule.next_at is None:
            return None
        now: datetime = schedule.now  # type: ignore[attr-defined]  # annotated where it is read
        set_back = schedule.claimed_at is not None and schedule.claimed_at > now + SET_BACK
        if (schedule.next_at > now and not set_back) or not _claim(schedule, now) or set_back:
            return None
        due = rule.latest(when(schedule), now)
        run = begin(schedule, due) if due else None
        return conclude(run, _done(schedule, run.due_at, now)) if run else None


def begin(schedule: Schedule, due: datetime) -> ScheduleRun | None:
    """Take a time for good; None where it was done already, as before a clock was set back over it."""
    try:
        with transaction.atomic():
            return ScheduleRun.objects.create(schedule=schedule, due_at=due, state=State.SKIPPED)
    except IntegrityError:
        return None


def conclude(run: ScheduleRun, came: Came) -> ScheduleRun:
    """Keep what came of a time, and of the earlier ones the latest."""
    run.state, run.message, run.operation, run.rollout = came.state, came.message, came.operation, came.rollout
    run.save(update_fields=["state", "message", "operation", "rollout"])
    old = run.schedule.runs.values_list("pk", flat=True)[KEPT : 2 * KEPT]
    ScheduleRun.objects.filter(pk__in=list(old)).delete()
    return run


def attempt(schedule: Schedule, *, by: User, how: str = "") -> Came:
    """Submit what a schedule asks for, unless what it submitted last has not ended."""
    if left := doing.unfinished(schedule):
        return Came(State.SKIPPED, f"Its {left} has not ended.")
    try:
        with transaction.atomic():
            made = doing.submit(schedule, by=by, how=how)
    except NothingToDo as nothing:
        return Came(State.SKIPPED, str(nothing))
    except (EngineError, OSError) as refusal:
        return Came(State.REFUSED, str(refusal))
    if isinstance(made, Rollout):
        return Came(State.SUBMITTED, rollout=made)
    return Came(State.SUBMITTED, operation=made)


def _read(pk: int) -> Schedule | None:
    related = ("machine", "owner", "task__crontab", "task__interval")
    return Schedule.objects.filter(pk=pk).select_related(*related).annotate(now=Now()).first()


def _claim(schedule: Schedule, now: datetime) -> bool:
    """Take the time that is due by one conditional write; False where somebody else has it."""
    mine = Schedule.objects.filter(pk=schedule.pk, next_at=schedule.next_at)
    return bool(mine.update(next_at=rule.following(when(schedule), now), claimed_at=now))


def _done(schedule: Schedule, due: datetime, now: datetime) -> Came:
    if not schedule.owner.is_active:
        return _stop(schedule)
    if now - due > timedelta(seconds=schedule.grace):
        late = f"It was due at {due:%Y-%m-%d %H:%M:%S} UTC, and nothing ran"
        return Came(State.MISSED, f"{late} until more than {schedule.grace} s later.")
    return attempt(schedule, by=schedule.owner)


def _stop(schedule: Schedule) -> Came:
    said = f"Stopped: the account {schedule.owner} is closed. Whoever resumes it answers for it from then on."
    silence(schedule, stopped=said)
    audit.record(AuditEntry.Kind.SCHEDULE, f"The schedule “{schedule.name}”: {said}", machine=schedule.machine.name)
    return Came(State.REFUSED, said)
