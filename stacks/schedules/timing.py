"""The times of schedules as beat's tables hold them."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

from django.db.models.functions import Now
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from stacks.models import Schedule
from stacks.schedules.rule import FIELDS, Cron, Every, When

FIRE = "stacks.tasks.fire"


def when(schedule: Schedule) -> When:
    """Give the times of a schedule as the rule takes them; raises ValueError for a row that is none of ours."""
    crontab, interval = schedule.task.crontab, schedule.task.interval
    if crontab is not None:
        return Cron(" ".join(getattr(crontab, field) for field in FIELDS), str(crontab.timezone))
    if interval is None:
        raise ValueError(f"The schedule {schedule} has no time")
    return Every(interval.every, schedule.since)


def told(schedule: Schedule) -> str:
    """Say when a schedule is due."""
    found = when(schedule)
    return f"{found.text} {found.zone}" if isinstance(found, Cron) else f"every {found.seconds} s"


def write(task: PeriodicTask, when: When) -> None:
    """Give a row of beat's its times; rows of times are shared by those that have the same."""
    if isinstance(when, Cron):
        fields = dict(zip(FIELDS, when.text.split(), strict=True))
        task.crontab, task.interval = _crontab(fields, when.zone), None
    else:
        every = {"every": when.seconds, "period": IntervalSchedule.SECONDS}
        task.interval = IntervalSchedule.objects.filter(**every).first() or IntervalSchedule.objects.create(**every)
        task.crontab = None
    task.task = FIRE


def name_for_beat(schedule: Schedule) -> None:
    """Let beat's row ring for a schedule; both are written by then."""
    schedule.task.name = f"schedule {schedule.pk}"
    schedule.task.args = json.dumps([schedule.pk])
    schedule.task.save()


def silence(schedule: Schedule, *, stopped: str = "") -> None:
    """Let a schedule be due no more."""
    schedule.task.enabled = False
    schedule.task.save()
    Schedule.objects.filter(pk=schedule.pk).update(next_at=None, claimed_at=Now(), stopped=stopped)


def _crontab(fields: dict[str, str], zone: str) -> CrontabSchedule:
    asked = {**fields, "timezone": ZoneInfo(zone)}
    return CrontabSchedule.objects.filter(**asked).first() or CrontabSchedule.objects.create(**asked)
