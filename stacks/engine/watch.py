"""Watching what the guests of a build take, and ending them when it is too much (F16, F33)."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import mounts
from stacks.engine.errors import Exceeded
from stacks.engine.limits import Limits

_RESERVE = 128 * 1024**2  # bytes
PAUSE = 0.2  # seconds between two looks
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_IN_RAM = ("tmp", "dev/shm")  # where a sandbox has filesystems of its own


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process and all that it started take: bytes of memory, and tasks."""

    memory: int
    tasks: int


class Watch:
    """Watches the guests of one build; `ends_at` is its last moment by the monotonic clock, `place` on its disk."""

    def __init__(self, limits: Limits, ends_at: float, place: Path) -> None:
        self._limits = limits
        self._ends_at = ends_at
        self._place = place
        self._again_at = 0.0

    def look(self, pid: int, program: str) -> None:
        """Raise Exceeded when what the process `pid` started takes more than is allowed; looks now and then only."""
        now = time.monotonic()
        if now < self._again_at:
            return
        self._check_time(now, program)
        taken = measure(pid, self._limits.memory)
        # Thousands of processes take long to look at: never more than a fifth of a core goes into it.
        self._again_at = max(now + PAUSE, time.monotonic() + 4 * (time.monotonic() - now))
        if taken.tasks > self._limits.tasks:
            raise Exceeded(
                f"{program} had {taken.tasks:,} tasks (processes and threads) at once, more than the "
                f"{self._limits.tasks:,} that a build may have (DLSTACK_BUILD_TASKS), and was ended."
            )
        self._check_memory(taken.memory, program)
        self._check_disk(program)

    def _check_time(self, now: float, program: str) -> None:
        if now > self._ends_at:
            raise Exceeded(
                f"The build took longer than the {_minutes(self._limits.seconds)} that it may "
                f"(DLSTACK_BUILD_MINUTES) and was ended, in {program}."
            )

    def _check_memory(self, memory: int, program: str) -> None:
        if memory > self._limits.memory:
            raise Exceeded(
                f"{program} took {_megabytes(memory)} of memory, more than the {_megabytes(self._limits.memory)} that "
                "a build may take (DLSTACK_BUILD_MEMORY), and was ended."
            )
        left = available()
        if left < self._limits.spare:
            raise Exceeded(
                f"Only {_megabytes(left)} of this machine's memory were left while {program} ran, which took "
                f"{_megabytes(memory)}: it was ended before users' programs would be."
            )

    def _check_disk(self, program: str) -> None:
        room, reserve = mounts.room(self._place), self._limits.reserve
        left = room.bytes_free
        if left < (min(_RESERVE, room.bytes_total // 8) if reserve is None else reserve):
            raise Exceeded(
                f"{program} filled the disk of {self._place} but for {_megabytes(left)} and was ended: remove versions "
                "that nobody needs, or ask for less."
            )


def measure(pid: int, limit: int) -> Taken:
    """Measure what a process and all that it started take; memory is measured closely only where it may be over."""
    found = list(_family(pid))
    memory = sum(pages for _, pages, _ in found) * _PAGE
    if memory > limit:  # pages that several of them share were counted for each
        memory = sum(_own_share(one) for one, _, _ in found)
    return Taken(memory + _in_ram(found[2][0] if len(found) > 2 else 0), sum(tasks for _, _, tasks in found))


def _family(pid: int) -> Iterator[tuple[int, int, int]]:
    """Give each process with its resident pages and its tasks, parents first; those that end meanwhile are left out."""
    waiting = deque([pid])
    while waiting:
        process = _PROC / str(waiting.popleft())
        try:
            words = process.joinpath("stat").read_bytes().rpartition(b")")[2].split()
            yield int(process.name), int(words[21]), int(words[17])
            for task in os.listdir(process / "task"):
                waiting += map(int, process.joinpath("task", task, "children").read_text().split())
        except (OSError, IndexError):
            continue


def _own_share(pid: int) -> int:
    """Give the bytes of memory that are a process's own, shared ones in part; files that it maps cost nobody else."""
    try:
        lines = _PROC.joinpath(str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def _in_ram(init: int) -> int:
    """Give the bytes of the files in a sandbox's own tmpfs, by its init: they are memory that no process maps."""
    used = 0
    for name in _IN_RAM if init else ():
        try:
            inside = _PROC / str(init) / "root" / name
            if os.stat(inside).st_dev != os.stat(f"/{name}").st_dev:
                room = os.statvfs(inside)
                used += (room.f_blocks - room.f_bfree) * room.f_frsize
        except OSError:
            continue
    return used


def available() -> int:
    """Give the bytes of memory that this machine can still give to programs."""
    lines = _PROC.joinpath("meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def can_watch() -> bool:
    """Tell whether this kernel says which processes a process started."""
    return _PROC.joinpath("self", "task", str(os.getpid()), "children").exists()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} minutes"
