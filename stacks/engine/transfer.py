"""Copying some paths of a tree into another, which has their directories: by descriptors on both sides (F35).

No symlink leads out of either, whoever plants it (docs/adr/0025).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stacks.engine import foreign, reserve, walking
from stacks.engine.manifest import Entry

_PIECE = 1024 * 1024
_Inode = tuple[int, int]


def copy(source: Path, target: Path, wanted: Iterable[Entry]) -> Iterator[Entry]:
    """Copy what lies at these paths, none of them a directory's, as it is there; gives each entry after its turn.

    Raises Unreadable for what cannot be read, is gone or is something else than its entry says; OSError, with the path,
    where the target cannot be written.
    """
    copier = _Copier(source, target)
    by_directory: dict[str, list[Entry]] = defaultdict(list)
    for entry in wanted:
        by_directory[os.path.dirname(entry.path)].append(entry)
    for directory, entries in by_directory.items():
        with ExitStack() as opened:
            with foreign.reading(source, directory):
                there = opened.enter_context(_opened(source, directory))
            here = opened.enter_context(_opened(target, directory))
            for entry in entries:
                copier.take(entry, there, here)
                yield entry


def copy_attributes(source: Path, target: Path, directory: str) -> None:
    """Give a directory the extended attributes and ACLs of that in the source; raises as `copy` does."""
    with ExitStack() as opened:
        with foreign.reading(source, directory):
            there = opened.enter_context(_opened(source, directory))
            attributes = foreign.attributes(there)
        here = opened.enter_context(_opened(target, directory))
        foreign.give(here, attributes)


@contextmanager
def _opened(tree: Path, directory: str) -> Iterator[int]:
    descriptor = walking.open_directory_beneath(tree, Path(directory))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class _Copier:
    def __init__(self, source: Path, target: Path) -> None:
        self._source, self._target = source, target
        self._linked: dict[_Inode, str] = {}  # files with more names, by the path that was copied first

    def take(self, entry: Entry, there: int, here: int) -> None:
        name = os.path.basename(entry.path)
        if entry.type == "f":
            self._file(entry.path, name, there, here)
            return
        with foreign.reading(self._source, entry.path):
            status = os.stat(name, dir_fd=there, follow_symlinks=False)
            target = os.readlink(name, dir_fd=there) if entry.type == "l" else ""
        foreign.make_special(name, status, target, here)

    def _file(self, path: str, name: str, there: int, here: int) -> None:
        with foreign.reading(self._source, path):
            descriptor = walking.open_in(there, name)
        try:
            status = os.fstat(descriptor)
            inode = (status.st_dev, status.st_ino)
            if first := self._linked.get(inode):
                self._link(first, name, here)
                return
            self._pour(descriptor, status, path, name, here)
            if status.st_nlink > 1:
                self._linked[inode] = path
        finally:
            os.close(descriptor)

    def _link(self, first: str, name: str, here: int) -> None:
        with _opened(self._target, os.path.dirname(first)) as beside:
            os.link(os.path.basename(first), name, src_dir_fd=beside, dst_dir_fd=here, follow_symlinks=False)

    def _pour(self, descriptor: int, status: os.stat_result, path: str, name: str, here: int) -> None:
        with foreign.reading(self._source, path):
            attributes = foreign.attributes(descriptor)
        try:
            foreign.make_file(descriptor, status, attributes, name, here)
        except OSError as error:
            # The call that copies does not say which of the two disks failed.
            if error.errno in reserve.FULL or _is_readable(descriptor):
                raise OSError(error.errno, error.strerror, f"{self._target}/{path}") from None
            raise walking.unreadable(self._source, path, error) from None


def _is_readable(descriptor: int) -> bool:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        while os.read(descriptor, _PIECE):
            pass
    except OSError:
        return False
    return True
