"""A bound on how much of an operation's output is kept: its beginning, and the end of what was printed beyond (N13)."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from stacks.engine.events import Event, Sink

TAIL = 4 * 1024 * 1024  # bytes of memory for what may turn out to be the end
_BESIDE = 100  # bytes that a line takes beside its text
_PAUSE = 10.0  # seconds between two lines that say how it goes on
_DROPPED = ("output", "note", "warning")


class Capped:
    """Passes events on to `sink`; beyond `limit` bytes of text only the last ones before each step, error and end.

    What is left out is counted, and the log says so where it is missing. Safe to call from any thread.
    """

    def __init__(self, sink: Sink, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._spent = 0
        self._tail: deque[Event] = deque()
        self._held = self._lines = self._bytes = 0
        self._told_at = 0.0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            if event.kind not in _DROPPED:
                self._flush()
                self._sink(event)
            elif self._spent < self._limit:
                self._spent += len(event.text) + _BESIDE
                self._sink(event)
            else:
                self._hold(event)

    def flush(self) -> None:
        """Pass on the end of what was held back."""
        with self._lock:
            self._flush()

    def _hold(self, event: Event) -> None:
        if not self._tail and not self._lines:
            self._say(event, f"The log has {_megabytes(self._limit)}, its limit: of what follows the end is kept.")
        self._tail.append(event)
        self._held += _cost(event)
        while self._held > TAIL:
            dropped = self._tail.popleft()
            self._held -= _cost(dropped)
            self._lines += 1
            self._bytes += len(dropped.text)
        if self._lines and self._clock() > self._told_at + _PAUSE:
            self._say(event, f"{self._left_out()} left out so far. The latest line: {event.text[:200]}")

    def _flush(self) -> None:
        if self._lines:
            first = self._tail[0] if self._tail else Event("note", "")
            kept = f"The last {len(self._tail):,} follow."
            self._say(first, f"{self._left_out()} left out here (DLSTACK_LOG_LIMIT). {kept}")
        for event in self._tail:
            self._sink(event)
        self._tail.clear()
        self._held = self._lines = self._bytes = 0

    def _say(self, event: Event, text: str) -> None:
        self._told_at = self._clock()
        self._sink(Event("warning", text, event.step, event.at))

    def _left_out(self) -> str:
        return f"{self._lines:,} lines ({_megabytes(self._bytes)}) were"


def _cost(event: Event) -> int:
    return sys.getsizeof(event.text) + _BESIDE


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
