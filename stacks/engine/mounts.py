"""What is mounted where: which filesystem a path is on, and how much room it has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Room:
    """Room of a filesystem in bytes and inodes; the latter are None where the filesystem has no fixed number."""

    bytes_total: int
    bytes_free: int
    files_free: int | None
    files_total: int | None = None


def filesystem(path: Path) -> str:
    """Name the type of the filesystem that holds `path` (“tmpfs”, “ext4”), "" when it cannot be told."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if left.split()[2] == number:
            return right.split()[0]
    return ""


def is_tmpfs(path: Path) -> bool:
    """Tell whether a directory exists and lies in RAM."""
    return path.is_dir() and filesystem(path) in ("tmpfs", "ramfs")


def room(path: Path) -> Room:
    """Measure the room of the filesystem that holds `path`."""
    found = os.statvfs(path)
    free, total = (found.f_favail, found.f_files) if found.f_files else (None, None)
    return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, free, total)
