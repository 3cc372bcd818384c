"""Room kept back on a filesystem, bytes and inodes, so that clean-up, links and the journal work when it is full (F11).

`<directory>/reserve/` holds a few files of real blocks, and an empty one whose name says how large they are together.
Whoever finds the filesystem full spends the former and tries again; they are made anew when there is room.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from stacks.engine import mounts

SIZE = 64 * 1024 * 1024  # bytes, on small filesystems less
FILES = 16  # each an inode
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_WANTED = "of-"
T = TypeVar("T")


def place(directory: Path) -> Path:
    """Where the reserve of a directory lies."""
    return directory / "reserve"


def was_made(directory: Path) -> bool:
    """Tell whether a reserve was ever wanted here: one that is not there now was spent, or found no room."""
    return _wanted(directory) is not None


def is_there(directory: Path) -> bool:
    """Tell whether a reserve is kept, whole; one of no bytes, as it may be wanted, counts."""
    wanted = _wanted(directory)
    return wanted is not None and _holds(directory) == _listed(wanted, directory)


def keep(directory: Path, size: int) -> bool:
    """Make the reserve where it is missing or of another size; False while there is no room for it twice over.

    It belongs to the owner of `directory`, so that whoever works there may spend it.
    """
    if _wanted(directory) == size and is_there(directory):
        return True
    spend(directory)
    reserve, owner = place(directory), directory.stat()
    try:
        reserve.mkdir(mode=0o700, exist_ok=True)
        _give(reserve, owner)
        _want(reserve, size, owner)
        return _has_room(directory, size) and _fill(directory, size, owner)
    except OSError as error:
        if error.errno in FULL:
            return False
        raise


def renew(directory: Path) -> bool:
    """Make a reserve anew that was spent, if there is room; False when it is not whole afterwards."""
    wanted = _wanted(directory)
    return wanted is not None and keep(directory, wanted)


def _want(reserve: Path, size: int, owner: os.stat_result) -> None:
    note = reserve / f"{_WANTED}{size}"
    for name in os.listdir(reserve):
        if name != note.name:
            (reserve / name).unlink(missing_ok=True)
    os.close(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    _give(note, owner)


def _has_room(directory: Path, size: int) -> bool:
    found = mounts.room(directory)
    enough = found.bytes_free >= 2 * FILES * _each(size, directory)
    return enough and (found.files_free is None or found.files_free >= 2 * FILES)


def _fill(directory: Path, size: int, owner: os.stat_result) -> bool:
    try:
        for name, length in _listed(size, directory).items():
            file = place(directory) / name
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, length)
            finally:
                os.close(descriptor)
            _give(file, owner)
    except OSError:
        spend(directory)
        raise
    return True


def _listed(size: int, directory: Path) -> dict[str, int]:
    each = _each(size, directory)
    return {str(number): each for number in range(FILES if each else 0)}


def _each(size: int, directory: Path) -> int:
    return min(size, mounts.room(directory).bytes_total // 16) // FILES


def _holds(directory: Path) -> dict[str, int]:
    with os.scandir(place(directory)) as found:
        return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in found if entry.name.isdigit()}


def _wanted(directory: Path) -> int | None:
    try:
        names = os.listdir(place(directory))
    except OSError:
        return None
    found = (name.removeprefix(_WANTED) for name in names if name.startswith(_WANTED))
    return next((int(size) for size in found if size.isdigit()), None)


def _give(path: Path, owner: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.lchown(path, owner.st_uid, owner.st_gid)


def spend(directory: Path) -> bool:
    """Free the reserve; False when there was none."""
    try:
        names = [name for name in os.listdir(place(directory)) if name.isdigit()]
    except OSError:
        return False
    for name in names:
        with suppress(FileNotFoundError):  # two may spend it at once
            os.unlink(place(directory) / name)
    return bool(names)


def insist(directory: Path, work: Callable[[], T]) -> T:
    """Do small work; where the filesystem is full, spend the reserve of `directory` and do it again."""
    try:
        return work()
    except OSError as error:
        if error.errno not in FULL or not spend(directory):
            raise
    return work()
