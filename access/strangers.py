"""Entries of the trail that strangers cause: a flood of requests must not fill the database."""

from __future__ import annotations

import threading
import time

from django.contrib.auth.models import AnonymousUser, User

from access import audit

PER_MINUTE = 60


class _Allowance:
    """How many entries this process may still write; it grows with time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.refill()

    def refill(self) -> None:
        """Forget what was written, as a minute does."""
        self._left, self._at, self._dropped = float(PER_MINUTE), time.monotonic(), 0

    def take(self) -> int | None:
        """Take one: how many were left out since the last, or None where this one is left out too."""
        with self._lock:
            now = time.monotonic()
            self._left = min(PER_MINUTE, self._left + (now - self._at) * PER_MINUTE / 60)
            self._at = now
            if self._left < 1:
                self._dropped += 1
                return None
            self._left -= 1
            dropped, self._dropped = self._dropped, 0
            return dropped


allowance = _Allowance()


def record(kind: str, what: str, *, by: User | AnonymousUser | None = None) -> None:
    """Add an entry, or count it where there are too many; the next one tells how many were left out."""
    dropped = allowance.take()
    if dropped is None:
        return
    rest = f" ({dropped} more like it were left out.)" if dropped else ""
    audit.record(kind, f"{what}{rest}", by=by)
