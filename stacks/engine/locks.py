"""One lock per lane on the machine's own disk: a flock, inherited by every child (invariant 7)."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from stacks.engine import reserve
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout

RECOVERY = "the recovery"  # how the words begin of whoever tidies up after a killed operation


@contextmanager
def lane_lock(layout: Layout, lane: str, holder: str = "") -> Iterator[int]:
    """Hold the machine's lock of a lane; yields the descriptor that children must inherit.

    The lock is freed by closing, never by unlocking: a child that still runs keeps it. Raises Refused, with the
    holder's own words, when somebody else has it.
    """
    descriptor = reserve.insist(layout.state, partial(_opened, layout, lane))
    try:
        _take(descriptor, lane)
        process = f"process {os.getpid()}"
        _sign(descriptor, f"{holder}, {process}" if holder else process)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(layout: Layout, lane: str) -> int:
    path = _path(layout, lane)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def _sign(descriptor: int, holder: str) -> None:
    os.ftruncate(descriptor, 0)
    with suppress(OSError):  # on a full disk the lock is held all the same, without its holder's name
        os.pwrite(descriptor, holder.encode(), 0)


def _take(descriptor: int, lane: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held_by = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        raise Refused(f"The {lane} lane of this machine is in use by {held_by}: wait for it or cancel it.") from None


def holder(layout: Layout, lane: str) -> str:
    """Give the words of whoever took the lane's lock last."""
    try:
        return _path(layout, lane).read_text(errors="replace")[:200]
    except FileNotFoundError:
        return ""


def is_held_by_the_living(layout: Layout, lane: str) -> bool:
    """Tell whether the process that took the lane's lock last has it open, and is neither gone nor stopped."""
    found = re.search(r"process (\d+)\Z", holder(layout, lane))
    place = Path("/proc", found[1]) if found else Path("/proc/none")
    try:
        state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        has_it = any(os.path.realpath(one) == os.path.realpath(_path(layout, lane)) for one in (place / "fd").iterdir())
    except (OSError, IndexError):
        return False
    return has_it and state not in "TtZX"


def _path(layout: Layout, lane: str) -> Path:
    return layout.state / "locks" / f"{lane}.lock"


def is_free(layout: Layout, lane: str) -> bool:
    """Tell whether nobody holds the lane's lock at this moment."""
    try:
        with lane_lock(layout, lane, "a look at the lock"):
            return True
    except Refused:
        return False
