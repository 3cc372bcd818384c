"""External environments: owned and updated by another group, carried over, never changed by us (invariant 9)."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import emptying, foreign, manifest, owner, versions, walking
from stacks.engine.environments import Environment
from stacks.engine.errors import Failed, Refused, Unreadable
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.manifest import Manifest
from stacks.engine.trees import Porter
from stacks.engine.versions import Description

TRIES = 3  # its owner may change it while it is copied
CHANGED = "changed while it was copied: ask its owner to pause"


@dataclass(frozen=True, slots=True)
class External:
    """One external environment: its path in the tree, its owner's numeric ids, and where its first copy comes from."""

    path: str
    uid: int
    gid: int
    source: str = ""


def asked(environments: Collection[Environment]) -> tuple[External, ...]:
    """Give the external environments of a recipe."""
    found = [item for item in environments if item.installer == "external"]
    return tuple(External(item.path, *_ids(item.owner), item.source) for item in found)


def _ids(name: str) -> tuple[int, int]:
    uid, _, gid = name.partition(":")
    return int(uid), int(gid)


def of(description: Description) -> tuple[External, ...]:
    """Give the external environments of a sealed version."""
    return tuple(External(path, uid, gid) for path, (uid, gid) in sorted(description.externals.items()))


def check_rights(externals: Collection[External]) -> None:
    """Raise Refused when this process may not give files to their owners."""
    others = [item for item in externals if item.uid != os.geteuid()]
    if others and not owner.may_give_files():
        raise Refused(
            f"“{others[0].path}” belongs to user {others[0].uid}, to whom this worker may not give files: "
            "run it with the capabilities of deploy/, or as root."
        )


def latest(layout: Layout, external: External, own: Path | None = None) -> Path | None:
    """Find the copy to carry over: the active one, else that of the tree `own`, else the recipe's source, else none."""
    places = [Path(os.path.realpath(layout.live)) / external.path]
    places += [own / external.path] if own else []
    places += [Path(external.source)] if external.source else []
    return next((place for place in places if versions.is_directory(place)), None)


def carry(external: External, source: Path | None, tree: Path, porter: Porter) -> None:
    """Copy an external environment into a half-made tree, whole, with ids, ACLs, attributes and hard links.

    `tree` must lie where the owner cannot reach it yet. The copy is compared with the source, which must not change
    meanwhile: it is tried again when it does. Raises Refused when something lies in its place, Failed when it never
    keeps still, or when this process cannot make an equal copy.
    """
    reason = ""
    for _ in range(TRIES):
        place = _make_place(external, tree)
        reason = "" if source is None else _copy(external, source, place, porter)
        if not reason:
            return
        emptying.remove(place)
    raise Failed(f"{source} {reason} (user {external.uid} owns it; {TRIES} copies were made).")


def _make_place(external: External, tree: Path) -> Path:
    place = tree / external.path
    if versions.is_directory(place) and not any(place.iterdir()):
        place.rmdir()
    try:
        place.mkdir(mode=0o700)
    except FileExistsError:
        raise Refused(f"{place} is there already: something else took the place of “{external.path}”.") from None
    os.lchown(place, external.uid, external.gid)
    place.chmod(0o755)
    return place


def _copy(external: External, source: Path, place: Path, porter: Porter) -> str:
    """Copy all of it; give the reason when the copy is not equal, "" when it is."""
    try:
        before = look(source)
        porter.sink(Event("note", f"Copying {len(before[0].entries)} paths, {before[0].bytes / 1e6:.1f} MB."))
        _check_rights_in(external, source, before[0])
        foreign.copy(source, place, porter.stop)
        copied, after = look(place), look(source)
    except Unreadable as error:
        if error.number in walking.MOVED:
            return CHANGED
        raise
    if before != after:
        return CHANGED
    return "" if copied == before else _unequal(before[0], copied[0])


def _check_rights_in(external: External, source: Path, content: Manifest) -> None:
    """Raise Failed for a program that would give another user's rights: a link to it, kept when that is mended."""
    for entry in content.entries:
        if entry.type == "f" and entry.mode & stat.S_ISUID and entry.uid != external.uid:
            raise Failed(
                f"{source / entry.path} is setuid and belongs to user {entry.uid}, not to user {external.uid} as "
                f"“{external.path}” does: remove it there. Nothing was copied."
            )


def _unequal(source: Manifest, copied: Manifest) -> str:
    different = (entry.path for entry in set(source.entries) ^ set(copied.entries))
    first = min(different, default="its directory")
    return f"cannot be copied as it is: {first} differs in the copy; setgid and file capabilities take a worker as root"


def look(place: Path) -> tuple[Manifest, tuple[int, int, int, int]]:
    """Describe all of an external environment: every path below it, and mode, owner and mtime of its directory."""
    status = place.lstat()
    return manifest.scan(place, apart=()), (
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_mtime_ns,
    )


def is_equal(one: Path, other: Path) -> bool:
    """Tell whether two copies of an external environment are equal; one that changes meanwhile is not."""
    try:
        return look(one) == look(other)
    except Unreadable as error:
        if error.number in walking.MOVED:
            return False
        raise


def without(content: Manifest, externals: Collection[str]) -> Manifest:
    """Give a manifest without what its external environments hold."""
    if not externals:
        return content
    return Manifest(tuple(entry for entry in content.entries if manifest.top(entry.path) not in externals))
