"""The clock of one worker process, set wrong on purpose; its monotonic clock goes on as it is."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import time_machine

AHEAD = "CLOCK_AHEAD"  # seconds, of a process that is to be started


class Clock:
    """The time of this process, some seconds off."""

    def __init__(self) -> None:
        self._travel: time_machine.travel | None = None

    def set(self, ahead: float) -> None:
        """Set the clock to so many seconds after the true time, or before it."""
        if self._travel is not None:
            self._travel.stop()
        right = time.time() - time.monotonic()
        self._travel = time_machine.travel(datetime.now(UTC) + timedelta(seconds=ahead), tick=True)
        # On a busy machine seconds go by before it begins.
        self._travel.start().shift(right + ahead - (time.time() - time.monotonic()))


clock = Clock()
if os.environ.get(AHEAD):
    clock.set(float(os.environ[AHEAD]))
