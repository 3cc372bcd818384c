"""What the engine tells while it works: plain values, shown as the reader likes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["step", "command", "output", "note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an operation's log.

    `step` is the name of the running step ("" outside any); `at` is in seconds since the epoch.
    """

    kind: Kind
    text: str
    step: str = ""
    at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running step is: `done` of `total` in `unit` (files, bytes, packages)."""

    step: str
    done: int
    total: int
    unit: str


Sink = Callable[[Event], None]
ProgressSink = Callable[[Progress], None]
