"""A schedule of every two seconds for homes that run, and proof that a beat rings for it."""

from __future__ import annotations

import json

MAKE = """
from django.contrib.auth.models import User
from django.utils import timezone
from stacks import schedules
from stacks.models import Machine, Schedule
made = Schedule(name="often", kind="backup", machine=Machine.objects.get(name="{machine}"))
schedules.save(schedule=made, when=schedules.Every(2, timezone.now()), by=User.objects.get(username="admin"))
"""
RUNS = """
import json
from stacks.models import ScheduleRun
runs = ScheduleRun.objects.order_by("pk").values_list("due_at", flat=True)
print(json.dumps([at.timestamp() for at in runs]))
"""


def is_rung(said: str) -> bool:
    """Tell whether three times in a row were noticed: workers alone look every ten seconds."""
    at = json.loads(said.splitlines()[-1])
    return any(third - first < 5 for first, third in zip(at, at[2:], strict=False))
