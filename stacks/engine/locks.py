"""One lock per lane on the machine's own disk: a flock, inherited by every child (invariant 7)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from stacks.engine.errors import Refused
from stacks.engine.layout import Layout


@contextmanager
def lane_lock(layout: Layout, lane: str, holder: str = "") -> Iterator[int]:
    """Hold the machine's lock of a lane; yields the descriptor that children must inherit.

    The lock is freed by closing, never by unlocking: a child that still runs keeps it. Raises Refused, with the
    holder's own words, when somebody else has it.
    """
    directory = layout.state / "locks"
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(directory / f"{lane}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        _take(descriptor, lane)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, (holder or f"process {os.getpid()}").encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, lane: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held_by = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        raise Refused(f"The {lane} lane of this machine is in use by {held_by}: wait for it or cancel it.") from None


def is_free(layout: Layout, lane: str) -> bool:
    """Tell whether nobody holds the lane's lock at this moment."""
    try:
        with lane_lock(layout, lane, "a look at the lock"):
            return True
    except Refused:
        return False
