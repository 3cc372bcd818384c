"""Saying which version is damaged when that is why work failed, and what to do; and keeping that in mind (F15).

A copy is damaged when its disk cannot read it any more, or gives something else than was sealed. Nothing is ever
deleted for that; the version is named among the machine's problems until a full verification finds it whole.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stacks.engine import documents, durable, reserve, resident, versions
from stacks.engine.errors import Damaged, EngineError, Unreadable, VerifyFailed, with_causes
from stacks.engine.layout import Layout
from stacks.engine.versions import Description

# What disks and filesystems say of blocks that cannot be read, or whose checksum is wrong.
_NUMBERS = frozenset({errno.EIO, errno.EUCLEAN, errno.EBADMSG})
_SAID = re.compile("|".join(map(os.strerror, sorted(_NUMBERS))))
_UNREADABLE = "The kernel's log tells more about the disk. "
_FRESH = "Put a fresh copy of the one on disk in its place with “dlstack discard”"
_CHANGED = (
    "“{name}” in the ramdisk is not as it was sealed: users changed it, or it is damaged. Keep it as a version with "
    f"“dlstack backup”, or: {_FRESH[0].lower()}{_FRESH[1:]}."
)


@dataclass(frozen=True)
class _Copy:
    """A copy of a version, "" for one to be: where it is, what to do when it is damaged, and if users change it."""

    name: str
    place: Path
    advice: str
    is_used: bool = False


def explained(layout: Layout, error: BaseException) -> BaseException:
    """Give the error to report: one that names the damaged version when that is why `error` was raised, else `error`.

    Such a version is noted.
    """
    unreadable = _is_unreadable(error)
    if isinstance(error, Damaged) or not (unreadable or isinstance(error, VerifyFailed)):
        return error
    copy = _told(layout, str(error))
    if copy is None:
        return error
    found: VerifyFailed
    if copy.is_used and not unreadable:
        found = VerifyFailed(f"{_CHANGED.format(name=copy.name)} {error}")
    else:
        found = Damaged(f"{copy.advice} {_UNREADABLE if unreadable else ''}What was found: {error}")
        with suppress(OSError):  # it is the very disk that fails, perhaps
            _note(layout, copy)
    found.__cause__ = error
    return found


def _told(layout: Layout, text: str) -> _Copy | None:
    """Find the copy that an error tells of."""
    try:
        return next((one for one in _copies(layout) if f"{one.place}/" in text or f"{one.place} " in text), None)
    except OSError:  # the disk fails in more than one place; what was begun is to be undone all the same
        return None


def _is_unreadable(error: BaseException | None) -> bool:
    for one in with_causes(error):
        if isinstance(one, (OSError, Unreadable)):
            return (one.number if isinstance(one, Unreadable) else one.errno) in _NUMBERS
        if isinstance(one, EngineError) and _SAID.search(str(one)):
            return True
    return False


def _copies(layout: Layout) -> Iterator[_Copy]:
    in_ram, sealed = set(resident.in_ram(layout)), versions.all_sealed(layout)
    for name in sealed:
        goes_on = " Its copy in the ramdisk goes on serving." if name in in_ram else ""
        advice = f"“{name}” is damaged on disk; nothing was deleted.{goes_on} Rebuild it exactly under another name."
        yield _Copy(name, layout.version(name), advice)
        # What was just copied is no other than what it was copied from.
        yield _Copy(name, layout.staging(name), advice)
    for name in in_ram:
        advice = f"“{name}” is damaged in the ramdisk; nothing was deleted. {_FRESH}, or deploy another version."
        place = resident.place(layout, name)
        for spelled in {place, Path(os.path.realpath(place))}:
            yield _Copy(name, spelled, advice, is_used=True)
    yield _Copy("", layout.building, f"The new version cannot be read back from the disk of {layout.root}.")


def _store(layout: Layout) -> Path:
    return layout.state / "damaged.json"


def noted(layout: Layout) -> dict[str, str]:
    """Give what is to be said of each version that was found damaged and is still there."""
    try:
        found = documents.parse(_store(layout).read_bytes())
        return {name: str(said) for name, (uuid, said) in found.items() if _uuid(layout, name) == uuid}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _uuid(layout: Layout, name: str) -> str:
    found = versions.sealed(layout, name)
    return found.uuid if found else ""


def _note(layout: Layout, copy: _Copy) -> None:
    if copy.name:
        _write(layout, noted(layout) | {copy.name: copy.advice})


def clear(layout: Layout, description: Description) -> None:
    """Take a version off the list: every byte of it was found as it was sealed."""
    found = noted(layout)
    if found.pop(description.name, None) is not None:
        _write(layout, found)


def _write(layout: Layout, found: dict[str, str]) -> None:
    kept = {name: (_uuid(layout, name), said) for name, said in found.items()}
    reserve.insist(layout.state, partial(durable.write_json, _store(layout), kept))
