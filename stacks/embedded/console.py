"""What the programs say, on the terminal of `dlstack up`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

PAUSE = 0.3
# The supervisor says of each program, two seconds late, what `up` has announced already.
STALE = b" INFO success: "


class Follower:
    """Reads what is appended to the log files in a directory, through rotations, from now on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[Path, BinaryIO] = {}
        self.read(skip=True)

    def read(self, *, skip: bool = False) -> list[str]:
        """Give the whole lines that were added since the last call, each with its program's name before it."""
        lines = []
        for path in sorted(self._directory.glob("*.log")):
            file = self._file(path)
            if skip:
                file.seek(0, os.SEEK_END)
            for line in file:
                if not line.endswith(b"\n"):
                    file.seek(-len(line), os.SEEK_CUR)
                    break
                if STALE not in line:
                    lines.append(f"{path.stem:>10} | {line.decode(errors='replace').rstrip()}")
        return lines

    def close(self) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()

    def _file(self, path: Path) -> BinaryIO:
        known = self._open.get(path)
        if known is not None and os.fstat(known.fileno()).st_ino == path.stat().st_ino:
            return known
        if known is not None:
            known.close()
        self._open[path] = path.open("rb")
        return self._open[path]


def follow(directory: Path, write: Callable[[str], object], alive: Callable[[], bool]) -> None:
    """Write what the programs say until `alive` says no."""
    follower = Follower(directory)
    while alive():
        for line in follower.read():
            write(line)
        time.sleep(PAUSE)
    for line in follower.read():
        write(line)
