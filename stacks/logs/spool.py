"""The log of a running operation as files on its machine, one per future chunk: nothing is lost when all else is away.

`<spool>/<operation>/<first line>.jsonl` holds consecutive lines; a file is deleted when its chunk is stored.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

CHUNK_LINES = 2000
CHUNK_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """One file of a spool; `first_line` is the number of its first line."""

    path: Path
    first_line: int

    def rows(self) -> list[bytes]:
        """Read the whole lines; a line that a killed worker left half written is passed over."""
        return self.path.read_bytes().split(b"\n")[:-1]


def directory(operation_id: int) -> Path:
    """Give the directory of an operation's spool."""
    return Path(settings.LOG_SPOOL) / str(operation_id)


def files(operation_id: int) -> list[SpoolFile]:
    """List an operation's spool files in order; empty where there is none."""
    found = [SpoolFile(path, int(path.stem)) for path in directory(operation_id).glob("*.jsonl")]
    return sorted(found, key=lambda file: file.first_line)


def operations() -> list[int]:
    """List the operations that have a spool on this machine."""
    root = Path(settings.LOG_SPOOL)
    return sorted(int(path.name) for path in root.iterdir() if path.name.isdigit()) if root.is_dir() else []


def remove(operation_id: int) -> None:
    """Remove an emptied spool; one that still has files stays."""
    try:
        directory(operation_id).rmdir()
    except OSError:
        return


class SpoolWriter:
    """Appends lines to a spool, from `next_line` on; not thread-safe."""

    def __init__(self, operation_id: int, next_line: int) -> None:
        self._directory = directory(operation_id)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.next_line = next_line
        self._current: SpoolFile | None = None
        self._descriptor = -1
        self._size = 0

    @property
    def current(self) -> SpoolFile | None:
        """The file that is being written."""
        return self._current

    def append(self, rows: list[str]) -> None:
        """Write lines, whole or not at all; raises OSError."""
        self._open()
        data = "".join(f"{row}\n" for row in rows).encode()
        try:
            whole = os.write(self._descriptor, data) == len(data)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        if not whole:
            os.ftruncate(self._descriptor, self._size)
            raise OSError("the disk of the log is full")
        self._size += len(data)
        self.next_line += len(rows)

    def is_full(self) -> bool:
        """Tell whether the current file has the size of a chunk."""
        if self._current is None:
            return False
        return self.next_line - self._current.first_line >= CHUNK_LINES or self._size >= CHUNK_BYTES

    def close(self) -> SpoolFile | None:
        """Close the current file and give it back; the next line begins another."""
        closed, self._current = self._current, None
        if closed is not None:
            os.close(self._descriptor)
        return closed

    def _open(self) -> None:
        if self._current is not None:
            return
        path = self._directory / f"{self.next_line:09d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(path, flags, 0o600)
        self._size = 0
        self._current = SpoolFile(path, self.next_line)
