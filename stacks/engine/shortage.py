"""Saying which filesystem is full when that is why work failed, and what to do: in bytes or in inodes (F11 to F13)."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import mounts, reserve
from stacks.engine.errors import EngineError, Failed, NoRoom, NothingToDo, Stopped, with_causes
from stacks.engine.layout import Layout
from stacks.engine.mounts import Room

_SAID = re.compile(r"No space left on device|Disk quota exceeded|os error 28\b|disk is full", re.IGNORECASE)
_LEFT = 1024 * 1024  # bytes, of a small filesystem a 64th
_LEFT_FILES = 8


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    name: str
    more_bytes: str
    more_files: str


def explained(layout: Layout, error: BaseException) -> BaseException:
    """Give the error to report: one that names what is full when that is why `error` was raised, else `error`."""
    if isinstance(error, (NoRoom, NothingToDo, Stopped)) or not isinstance(error, Exception):
        return error
    places = [place for place in _places(layout) if place.path.is_dir()]
    full = [said for place in _apart(places) if (said := _said(place, mounts.room(place.path)))]
    if not full and not _is_shortage(error):
        return error
    found = Failed(f"{' '.join(full) or _was_full(places, str(error))} What failed: {error}")
    found.__cause__ = error
    return found


def _is_shortage(error: BaseException | None) -> bool:
    for one in with_causes(error):
        if isinstance(one, OSError) and one.errno in reserve.FULL:
            return True
        if isinstance(one, EngineError) and _SAID.search(str(one)):
            return True
    return False


def _places(layout: Layout) -> list[_Place]:
    prune, drop = "Remove versions that nobody needs, with “dlstack prune”", "Remove a resident version, or"
    inodes = f"{drop} remount the tmpfs with a larger nr_inodes"
    temporary = Path(tempfile.gettempdir())
    return [
        _Place(layout.ramdisk, "The ramdisk", f"{drop} enlarge the tmpfs", inodes),
        _Place(layout.root, f"The disk of {layout.root}", prune, prune),
        _Place(temporary, f"The disk of {temporary}", "Make room there", "Remove files there"),
    ]


def _apart(places: list[_Place]) -> list[_Place]:
    """Name each filesystem once."""
    return list({place.path.stat().st_dev: place for place in reversed(places)}.values())


def _said(place: _Place, found: Room) -> str:
    if found.files_free is not None and found.files_free < _LEFT_FILES:
        return f"{place.name} has no inodes left ({found.files_free} free). {place.more_files}, then try again."
    if found.bytes_free < min(_LEFT, found.bytes_total // 64):
        numbers = f"{found.bytes_free / 1e6:.1f} of {found.bytes_total / 1e6:,.1f} MB are free"
        return f"{place.name} is full ({numbers}). {place.more_bytes}, then try again."
    return ""


def _was_full(places: list[_Place], text: str) -> str:
    """Name the filesystem that had too little room, although what was half-made is gone by now."""
    for place in places:
        if str(place.path) in text or os.path.realpath(place.path) in text:
            return _had_too_little(place, mounts.room(place.path))
    return "A filesystem had too little room."


def _had_too_little(place: _Place, found: Room) -> str:
    files, total = found.files_free, found.files_total
    if files is not None and total and files / total < found.bytes_free / found.bytes_total:
        lacked, more = f"too few inodes ({files:,} of {total:,} are free again)", place.more_files
    else:
        lacked = f"too little room ({found.bytes_free / 1e6:,.1f} of {found.bytes_total / 1e6:,.1f} MB are free again)"
        more = place.more_bytes
    return f"{place.name} had {lacked}. {more}, then try again."
