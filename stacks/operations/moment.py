"""Waiting a moment for the end of an operation that takes no longer."""

from __future__ import annotations

import time

from stacks.models import Operation

POLL = 0.02  # seconds


def ends_within(operation: Operation, seconds: float) -> bool:
    """Wait until an operation has ended, for so many seconds at most; tells whether it has."""
    give_up_at = time.monotonic() + seconds
    while not _has_ended(operation):
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(POLL)
    return True


def _has_ended(operation: Operation) -> bool:
    return Operation.objects.filter(pk=operation.pk, state__in=Operation.FINAL).exists()
