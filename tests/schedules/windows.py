"""Freeze windows around this very moment, for tests that ask the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from stacks import windows
from stacks.models import FreezeWindow, Machine

HOUR = timedelta(hours=1)


def opened(
    machine: Machine | None = None, *, begins: timedelta = -HOUR, ends: timedelta = HOUR, **more: Any
) -> FreezeWindow:
    """Make a window that is open from an hour ago for an hour more."""
    now = timezone.now()
    asked = {"name": "Observing", "reason": "sky survey", "starts_at": now + begins, "ends_at": now + ends, **more}
    return windows.save(window=FreezeWindow(machine=machine, **asked), by=None)


def end(window: FreezeWindow) -> None:
    """Let its time be over."""
    FreezeWindow.objects.filter(pk=window.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
