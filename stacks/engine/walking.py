"""Going through a tree that others may change meanwhile: by descriptors, so that no symlink leads out of it (F35)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from stacks.engine.errors import Unreadable
from stacks.engine.layout import IDENTITY

DEEPEST = 200  # directories in one another; each holds a descriptor, and no installer comes near
LONGEST = 3000  # characters of a path below its tree; programs that copy take 4095 in all
# What a system call says of a path that is something else than it was a moment ago, or gone.
MOVED = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODATA, errno.ESTALE, errno.EAGAIN}
)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe in the place of a file would be waited on for ever, without O_NONBLOCK.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Found(NamedTuple):
    """One path of a tree that is gone through, to be looked at before the next is asked for; all may raise OSError."""

    path: str
    directory: int
    entry: os.DirEntry[str]

    def status(self) -> os.stat_result:
        """What lstat(2) says of it."""
        return self.entry.stat(follow_symlinks=False)

    @property
    def inode(self) -> int:
        """Its inode number, as the listing said: no system call."""
        return self.entry.inode()

    def target(self) -> str:
        """What it says, being a symlink."""
        return os.readlink(self.entry.name, dir_fd=self.directory)

    def open(self) -> int:
        """Open it for reading; a descriptor, of a regular file in any case."""
        return open_in(self.directory, self.entry.name)

    @property
    def through(self) -> str:
        """A path that leads to it and nowhere else, for calls that take no descriptor; not to be followed."""
        return f"/proc/self/fd/{self.directory}/{self.entry.name}"


class _Level(NamedTuple):
    prefix: str
    descriptor: int
    entries: Iterator[os.DirEntry[str]]


OnError = Callable[[str, OSError], None]


def walk(tree: Path, *, apart: Collection[str] = (IDENTITY,), on_error: OnError | None = None) -> Iterator[Found]:
    """Give every path below a tree, each directory before what it holds.

    What bears one of the names `apart` at the top is not looked at: usually the identity file, which is part of no
    version. A directory that cannot be read is told to `on_error` and passed over; without it Unreadable is raised.
    """
    tell = on_error or _raiser(tree)
    levels: list[_Level] = []
    try:
        levels += _entered("", tree, None, levels, tell)
        while levels:
            found = _next(levels, apart)
            if found is None:
                os.close(levels.pop().descriptor)
                continue
            yield found
            if _is_directory(found):
                levels += _entered(f"{found.path}/", found.entry.name, found.directory, levels, tell)
    finally:
        for level in levels:
            os.close(level.descriptor)


def _is_directory(found: Found) -> bool:
    """Tell by the status that whoever was given the path goes by, too: it is looked up once.

    By what the listing said, a directory could be entered that was met as a symlink: its copy would be written through.
    That it was a file is enough: then it is not entered.
    """
    try:
        if found.entry.is_file(follow_symlinks=False):
            return False
        return stat.S_ISDIR(found.status().st_mode)
    except OSError:  # gone meanwhile
        return False


def _next(levels: list[_Level], apart: Collection[str]) -> Found | None:
    level = levels[-1]
    for entry in level.entries:
        if len(levels) > 1 or entry.name not in apart:
            return Found(level.prefix + entry.name, level.descriptor, entry)
    return None


def _entered(prefix: str, name: str | Path, directory: int | None, levels: list[_Level], tell: OnError) -> list[_Level]:
    try:
        if len(levels) > DEEPEST or len(prefix) > LONGEST:
            raise OSError(errno.ENAMETOOLONG, "it lies too deep")
        descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
        return [_Level(prefix, descriptor, _listed(descriptor))]
    except OSError as error:
        tell(prefix.rstrip("/"), error)
        return []


def _listed(descriptor: int) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(descriptor) as found:
            return iter(sorted(found, key=lambda entry: entry.name))
    except OSError:
        os.close(descriptor)
        raise


def _raiser(tree: Path) -> OnError:
    def tell(path: str, error: OSError) -> None:
        raise unreadable(tree, path, error) from None

    return tell


def unreadable(tree: Path, path: str, error: OSError) -> Unreadable:
    """Make the error for a path of a tree that cannot be read; a long path is cut."""
    where = str(tree / path)
    shown = where if len(where) <= 200 else f"{where[:200]}…"
    return Unreadable(f"{shown} cannot be read: {error.strerror or error}.", number=error.errno or 0)


def open_beneath(tree: Path, path: Path) -> int:
    """Open a regular file of a tree, by its path below that, for reading, through no symlink; raises OSError."""
    directory = open_directory_beneath(tree, path.parent)
    try:
        return open_in(directory, path.name)
    finally:
        os.close(directory)


def open_directory_beneath(tree: Path, path: Path) -> int:
    """Open a directory of a tree, by its path below that, through no symlink; raises OSError."""
    at = os.open(tree, _DIRECTORY)
    for part in path.parts:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


def open_in(directory: int, name: str) -> int:
    """Open a regular file of an open directory for reading; raises OSError."""
    return _regular(os.open(name, _FILE, dir_fd=directory))


def _regular(descriptor: int) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ESTALE, "it is no file any more")
    return descriptor
