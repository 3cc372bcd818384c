"""Copying a tree in which its owner may be at work against us: all is read by descriptors, and nothing is waited for.

rsync waits for ever on a pipe that takes the place of a file, and may be led elsewhere by a symlink. The copy lies
where the owner cannot reach it; whether it is equal to the source is for the caller to see.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stacks.engine import contents, manifest, walking
from stacks.engine.stop import Stop
from stacks.engine.walking import Found


def copy(source: Path, place: Path, stop: Stop) -> None:
    """Fill the empty directory `place` with all that is in `source`, as it is there: owners, attributes, links and all.

    Raises Unreadable for what cannot be read or is being changed, Failed for devices, OSError where it cannot be
    written.
    """
    copier = _Copier(place)
    for number, found in enumerate(walking.walk(source, apart=())):
        if number % 500 == 0:
            stop.check()
        copier.take(source, found)
    copier.finish(source)


class _Copier:
    def __init__(self, place: Path) -> None:
        self._place = place
        self._made = {place}  # nothing is ever written through what was met as a symlink
        self._linked: dict[tuple[int, int], Path] = {}
        self._directories: list[tuple[Path, os.stat_result, Attributes]] = []

    def take(self, source: Path, found: Found) -> None:
        goal = self._place / found.path
        if goal.parent not in self._made:
            raise walking.unreadable(source, found.path, OSError(errno.ESTALE, "it lies in no directory any more"))
        with reading(source, found.path):
            status = found.status()
            target = found.target() if stat.S_ISLNK(status.st_mode) else ""
        manifest.describe(found.path, status, target)  # raises Failed for devices
        if stat.S_ISREG(status.st_mode):
            self._file(source, found, goal)
        elif stat.S_ISDIR(status.st_mode):
            goal.mkdir(mode=0o700)
            self._made.add(goal)
            with reading(source, found.path):
                self._directories.append((goal, status, attributes(found.through)))
        else:
            make_special(goal, status, target)

    def _file(self, source: Path, found: Found, goal: Path) -> None:
        with reading(source, found.path):
            descriptor = found.open()
        try:
            status = os.fstat(descriptor)
            inode = (status.st_dev, status.st_ino)
            if first := self._linked.get(inode):
                os.link(first, goal, follow_symlinks=False)
                return
            with reading(source, found.path):
                kept = attributes(descriptor)
            make_file(descriptor, status, kept, goal)
            if status.st_nlink > 1:
                self._linked[inode] = goal
        finally:
            os.close(descriptor)

    def finish(self, source: Path) -> None:
        """Dress the directories, the deepest first: what is made in one changes its time, and inherits its ACL."""
        top = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._directories.insert(0, (self._place, os.fstat(top), attributes(top)))
        finally:
            os.close(top)
        for goal, status, kept in reversed(self._directories):
            made = os.open(goal, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                _dress(made, status, kept)
            finally:
                os.close(made)


@contextmanager
def reading(source: Path, path: str) -> Iterator[None]:
    """Make of an OSError about a path of a tree, while the block runs, the Unreadable that names it."""
    try:
        yield
    except OSError as error:
        raise walking.unreadable(source, path, error) from None


Attributes = list[tuple[str, bytes]]


def attributes(file: int | str) -> Attributes:
    """Read the extended attributes and ACLs that a version keeps, of an open file or a path that is not followed."""
    return [(name, contents.attribute(file, name)) for name in contents.attribute_names(file)]


def make_file(
    source: int, status: os.stat_result, attributes: Attributes, goal: Path | str, directory: int | None = None
) -> None:
    """Make a copy of an open file, with all that it is given; `goal` is a path, below a `directory` if that is open.

    Raises OSError, also for one that is there already.
    """
    made = os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        pour(source, made, status.st_size)
        _dress(made, status, attributes)
    finally:
        os.close(made)


def make_special(goal: Path | str, status: os.stat_result, target: str, directory: int | None = None) -> None:
    """Make a symlink that says `target`, a pipe or a socket, likewise."""
    if stat.S_ISLNK(status.st_mode):
        os.symlink(target, goal, dir_fd=directory)
    else:
        os.mknod(goal, stat.S_IFMT(status.st_mode) | 0o600, dir_fd=directory)
    os.chown(goal, status.st_uid, status.st_gid, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(goal, stat.S_IMODE(status.st_mode), dir_fd=directory)
    os.utime(goal, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=directory, follow_symlinks=False)


def _dress(made: int, status: os.stat_result, attributes: Attributes) -> None:
    """Give a copy the owner, attributes, mode and times of what it was made of."""
    is_now = os.fstat(made)
    if (status.st_uid, status.st_gid) != (is_now.st_uid, is_now.st_gid):
        os.fchown(made, status.st_uid, status.st_gid)
    give(made, attributes)  # after the owner, with whose change the kernel takes capabilities away
    os.fchmod(made, stat.S_IMODE(status.st_mode))
    os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))


def give(made: int, attributes: Attributes) -> None:
    """Give an open file or directory attributes and ACLs, as far as this process may: a comparison tells the rest."""
    for name, value in attributes:
        with suppress(PermissionError):
            os.setxattr(made, name, value)


def pour(source: int, made: int, size: int) -> None:
    """Copy the first `size` bytes of one open file to another, leaving holes where the source has them."""
    for start, end in _pieces(source, size):
        at = os.lseek(made, start, os.SEEK_SET)
        while at < end and (count := os.sendfile(made, source, at, min(end - at, 1 << 27))):
            at += count
    os.ftruncate(made, size)


def _pieces(source: int, size: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole from here on
                return
            raise
        end = min(size, os.lseek(source, start, os.SEEK_HOLE))
        yield start, end
