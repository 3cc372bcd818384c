"""Removing a tree, however deep, in which its owner may be at work: each directory is taken over before it is emptied.

Whoever has a directory open can go on making files in it, so that it never gets empty; or move it elsewhere. So its
mode and owner are changed first, by descriptor, and what lies in it is looked at then. Directories within are moved up
to the top instead of being gone down into: there is no depth at which this ends.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(tree: Path) -> None:
    """Remove a directory with all it holds, following no symlink; raises OSError."""
    top = os.open(tree, _FLAGS)
    try:
        _Emptier(top).empty()
    finally:
        os.close(top)
    os.rmdir(tree)


class _Emptier:
    def __init__(self, top: int) -> None:
        self._top = top
        self._token = secrets.token_hex(6)
        self._pending: list[str] = []
        self._moved = 0

    def empty(self) -> None:
        self._empty(self._top)
        while self._pending:
            name = self._pending.pop()
            directory = _opened(name, self._top)
            try:
                self._empty(directory)
            finally:
                os.close(directory)
            os.rmdir(name, dir_fd=self._top)

    def _empty(self, directory: int) -> None:
        _take(directory)
        with os.scandir(directory) as listed:
            entries = list(listed)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=directory)
            elif directory == self._top:
                self._pending.append(entry.name)
            else:
                self._pending.append(self._move_up(entry.name, directory))

    def _move_up(self, name: str, directory: int) -> str:
        self._moved += 1
        above = f".{self._token}-{self._moved}"
        try:
            os.rename(name, above, src_dir_fd=directory, dst_dir_fd=self._top)
        except PermissionError:  # only who may write a directory may give it another parent
            os.chmod(name, 0o700, dir_fd=directory)
            os.rename(name, above, src_dir_fd=directory, dst_dir_fd=self._top)
        return above


def _opened(name: str, top: int) -> int:
    try:
        return os.open(name, _FLAGS, dir_fd=top)
    except PermissionError:
        # Closed by its owner, who is this user: root would not be refused.
        os.chmod(name, 0o700, dir_fd=top)
        return os.open(name, _FLAGS, dir_fd=top)


def _take(directory: int) -> None:
    """Make a directory this process's own, closed to everybody else, as far as it may."""
    status = os.fstat(directory)
    with suppress(PermissionError):  # an empty directory of somebody else may go all the same
        if status.st_uid != os.geteuid():
            os.fchown(directory, os.geteuid(), -1)
        if status.st_mode & 0o777 != 0o700:
            os.fchmod(directory, 0o700)
