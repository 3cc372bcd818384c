"""Directories in /tmp through which kernels that are tried out are talked to: paths of sockets are short (launch.py).

Whoever uses one holds its lock, which the kernel of the operating system frees when that process dies.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stacks.engine import emptying
from stacks.engine.owner import Owner

PREFIX = "dlstack-kernel-"


@contextmanager
def opened(owner: Owner) -> Iterator[Path]:
    """Make one that only the owner and root can reach; it goes in the end."""
    place, descriptor = _made()
    try:
        os.chown(place, owner.uid, owner.gid)
        yield place
    finally:
        emptying.remove(place)
        os.close(descriptor)


def _made() -> tuple[Path, int]:
    while True:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        descriptor = _locked(place)
        if descriptor is not None and place.is_dir():
            return place, descriptor  # else a sweep found it in the instant before it was locked


def sweep(owner: int) -> None:
    """Remove those that nobody holds, as killed processes left them; what is neither ours nor `owner`'s is left alone.

    Anybody may make a directory of such a name there, and root may remove everything.
    """
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        descriptor = _locked(place)
        if descriptor is None:
            continue
        if os.fstat(descriptor).st_uid in (owner, os.geteuid()):
            with suppress(OSError):  # another sweep was faster
                emptying.remove(place)
        os.close(descriptor)


def _locked(place: Path) -> int | None:
    """Lock a directory; gives None for one that is held, or that is none."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
