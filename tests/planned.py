"""Rows of schedules and of freeze windows, for tests of what pages show of them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from stacks.models import FreezeWindow, Machine, Operation, Schedule, ScheduleRun

DAY = timedelta(days=1)


def schedule(machine: Machine, owner: User, name: str = "nightly", **more: Any) -> Schedule:
    """Write a schedule that is due tomorrow."""
    crontab, _ = CrontabSchedule.objects.get_or_create(hour="2", minute="0", timezone="Europe/Berlin")
    task = PeriodicTask.objects.create(name=f"schedule {name}", task="stacks.tasks.fire", crontab=crontab)
    now = timezone.now()
    times = {"since": now, "claimed_at": now, "next_at": now + DAY}
    return Schedule.objects.create(
        **{"name": name, "machine": machine, "owner": owner, "kind": "backup", "task": task, **times, **more}
    )


def runs(of: Schedule, operation: Operation | None = None, **messages: str) -> None:
    """Write runs of the last days, by their state and what they say; the latest is of an operation, if one is given."""
    now = timezone.now()
    for ago, (state, message) in enumerate(messages.items(), 1):
        ScheduleRun.objects.create(schedule=of, due_at=now - ago * DAY, state=state, message=message)
    if operation is not None:
        ScheduleRun.objects.create(schedule=of, due_at=now, state="submitted", operation=operation)


def window(machine: Machine | None, name: str = "Observing", *, begins: timedelta, **more: Any) -> FreezeWindow:
    """Write a window of half a day that begins so long from now."""
    at: datetime = timezone.now() + begins
    asked = {"name": name, "machine": machine, "reason": "sky survey", "starts_at": at, "ends_at": at + DAY / 2}
    return FreezeWindow.objects.create(**{**asked, **more})


def weekend(machine: Machine | None, name: str = "Weekends", **more: Any) -> FreezeWindow:
    """Write a window from Friday to Monday of every week."""
    days = {"from_day": 4, "from_time": time(16), "to_day": 0, "to_time": time(8), "time_zone": "Europe/Berlin"}
    return FreezeWindow.objects.create(name=name, machine=machine, reason="nobody is there", **days, **more)
