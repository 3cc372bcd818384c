"""How much guests may take of a machine, and what is needed to hold them to it (docs/adr, “Limits of builds”)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

_FLOOR = 2 * 1024**3
_MARGIN = 64  # tasks; what is over the limit is counted, and named, before the kernel refuses it


def usual_memory() -> int:
    """Give half of the machine's memory, 2 GiB at least."""
    return max(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2, _FLOOR)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the guests of one build may take together, and how long it may last.

    `memory` in bytes; `tasks` are processes and threads; `seconds` in all, `silence` without a line of output. While
    less than `spare` bytes of memory are left on the machine, or less than `reserve` on the disk (if None 128 MiB, of a
    small disk an eighth), a build is ended too.
    """

    memory: int = field(default_factory=usual_memory)
    tasks: int = 4096
    seconds: float = 12 * 3600.0
    silence: float = 1800.0
    spare: int = 256 * 1024**2
    reserve: int | None = None


def hard_tasks(limits: Limits, uid: int) -> int:
    """Give the number of tasks at which the kernel refuses the owner another: those there are, and the limit."""
    return _tasks_of(uid) + limits.tasks + limits.tasks // 4 + _MARGIN


def _tasks_of(uid: int) -> int:
    count = 0
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and process.stat().st_uid == uid:
                count += len(os.listdir(process / "task"))
        except OSError:
            continue  # it has ended
    return count
