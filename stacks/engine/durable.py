"""Writing so that a crash or power cut leaves the old content or the new (invariants 2 and 7)."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)


def sync_filesystem(path: Path) -> None:
    """Flush the whole filesystem that holds `path`: syncfs(2), which costs far less than one fsync per file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable: fsync(2) of the directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange(one: Path, other: Path) -> None:
    """Swap two names of one filesystem in one instant: renameat2(2) with RENAME_EXCHANGE."""
    at_cwd, flag_exchange = -100, 2
    if _libc.renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), flag_exchange) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))


def mark_of(path: Path) -> tuple[int, ...]:
    """Tell a file written by this module from any other: it is never written in place, and keeps its inode."""
    status = path.stat()
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def temporary_name(path: Path) -> Path:
    """Name a hidden sibling of `path` that no other writer uses; `is_temporary` knows it again."""
    return path.with_name(f".{path.name}.new-{os.getpid()}-{secrets.token_hex(6)}")


def is_temporary(name: str) -> bool:
    """Tell whether a file name was made by `temporary_name`."""
    return name.startswith(".") and ".new-" in name


def sweep(path: Path) -> None:
    """Remove what killed writes of `path` left beside it; for whoever alone may write it now."""
    for left in path.parent.glob(f".{path.name}.new-*"):
        left.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file aside, fsync it, rename it into place and fsync the directory."""
    aside = temporary_name(path)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_alone(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write as `write_bytes` does, for whoever alone may write that file: what killed writes left beside it goes."""
    sweep(path)
    write_bytes(path, data, mode)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document as `write_bytes` does."""
    write_bytes(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")
