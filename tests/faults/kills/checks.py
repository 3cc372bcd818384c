"""What must be true of a machine after a kill and its recovery: exactly old or new, nothing left over, nothing lost."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.engine import durable, externals, journal, links, manifest, resident, services, versions
from stacks.engine.layout import Layout
from stacks.engine.manifest import Entry, Manifest
from tests.faults.kills.machines import EXTERNAL
from tests.faults.kills.place import Place

Parts = dict[str, object]


@dataclass(frozen=True)
class Look:
    """A machine as it was found: its parts, of which each is old or new, and what must never change.

    `disk` is every version to the last mtime, `theirs` the external environment that users have, None for none.
    """

    parts: Parts
    disk: dict[str, Manifest]
    theirs: object
    history: int
    running: list[str]


def look(place: Place) -> Look:
    """Look at all of a machine."""
    layout = place.layout
    disk = {name: manifest.scan(layout.version(name)) for name in versions.directories(layout)}
    theirs = Path(os.path.realpath(layout.live)) / EXTERNAL
    return Look(
        parts(layout, disk),
        disk,
        externals.look(theirs) if theirs.is_dir() else None,
        len(journal.history(layout)),
        place.running(),
    )


def parts(layout: Layout, disk: dict[str, Manifest]) -> Parts:
    """Describe what users and admins see; no times and random identities, which differ from run to run."""
    found: Parts = {f"version {name}": (versions.sealed(layout, name) is not None, digest(disk[name])) for name in disk}
    system = [path for path in (layout.root.parent / "etc").rglob("*") if path.is_file()]
    return found | {
        "live path": links.target(layout.live),
        "backing link": links.target(layout.backing),
        "users' tree": served(layout),
        "layout": "in-place" if resident.is_in_place(layout) else "resident",
        "services": services.listed(layout),
        "state": sorted(path.name for path in layout.state.glob("*")) != [],
        "system files": sorted((str(path), path.read_text()) for path in system if not durable.is_temporary(path.name)),
    }


def served(layout: Layout) -> str:
    """Digest what a reader of the live path finds, "" for nothing."""
    tree = Path(os.path.realpath(layout.live))
    if not tree.is_dir():
        return ""
    return digest(Manifest(tuple(entry for entry in manifest.scan(tree).entries if is_of_version(layout, entry.path))))


def is_of_version(layout: Layout, path: str) -> bool:
    """Tell whether a path of the live tree is part of it, and not of DLStack's or a resident version beside it."""
    return manifest.top(path) not in {".dlstack", *versions.directories(layout)}


def digest(content: Manifest) -> str:
    """Digest a tree but for its times, and for the content of what uv installs, which puts the time into files."""
    plain = [_plain(entry) for entry in content.entries if not durable.is_temporary(Path(entry.path).name)]
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:16]


def _plain(entry: Entry) -> Entry:
    if entry.path.startswith("anaconda3/lib"):
        entry = entry._replace(digest="", size=0)
    return entry._replace(mtime_ns=0)


def differences(found: Parts, old: Parts, new: Parts, *, by_parts: bool) -> list[str]:
    """Say how a machine is neither exactly old nor exactly new; `by_parts`, each part by itself."""
    if found in (old, new):
        return []
    names = sorted(found.keys() | old.keys() | new.keys())
    was, becomes = ([(name, parts.get(name)) for name in names] for parts in (old, new))
    odd = [name for name in names if (name, found.get(name)) not in (*was, *becomes)]
    if odd:
        return [f"{name}: {found.get(name)!r}, not {old.get(name)!r} or {new.get(name)!r}" for name in odd]
    changed = [name for name in names if found.get(name) != old.get(name)]
    return [] if by_parts else [f"mixed: of all that changes, only {changed} did"]


def links_disagree(layout: Layout) -> Iterator[str]:
    """Say where the two links do not name one version; before the first deploy and after a reboot there may be none."""
    live, backing = resident.active(layout), resident.backing(layout)
    if live is not None and live != backing:
        yield f"the live path is “{live}”, the backing link “{backing}”"


def lost(before: Look, place: Place, kept: set[str]) -> Iterator[str]:
    """Say what a version on disk lost, or an external environment, or a service; `kept` must be there still."""
    layout = place.layout
    for name in sorted(before.disk.keys() & (kept | set(versions.directories(layout)))):
        tree = layout.version(name)
        found = manifest.scan(tree) if tree.is_dir() else None
        if found != before.disk[name]:
            yield f"the copy of “{name}” on disk changed"
    theirs = Path(os.path.realpath(layout.live)) / EXTERNAL
    if before.theirs is not None and (not theirs.is_dir() or externals.look(theirs) != before.theirs):
        yield "the external environment changed"
    running = place.running()
    if running != before.running:
        yield f"services run: {running}, before: {before.running}"


def whole_in_ram(layout: Layout) -> Iterator[str]:
    """Say which resident tree is not what its identity says; drift is not looked for in the active one."""
    for name, description in versions.residents(layout).items():
        if name == resident.active(layout):
            continue
        content = versions.tree(layout, name).manifest
        apart = (*description.externals, ".dlstack")
        if found := list(manifest.differences(content, layout.resident(name), lambda _: True, apart=apart)):
            yield f"the copy of “{name}” in RAM is torn: {found[0]}"


def left_over(place: Place) -> Iterator[str]:
    """Say what is left of a killed operation."""
    layout = place.layout
    yield from (f"pending in lane {lane}" for lane in ("live", "build") if journal.pending(layout, lane))
    yield from temporary_names(layout.root, Path(os.path.realpath(layout.ramdisk)))
    empty = [layout.trash, resident.trash(layout), layout.state / "kernels/.trash", place.temporary]
    yield from (f"left: {path}" for where in empty for path in _inside(where))
    staged = [*_inside(layout.ramdisk / ".dlstack", "trash", "externals"), *_inside(layout.state / "kernels", ".trash")]
    staged += [path for path in (layout.building, layout.ramdisk / ".dlstack-build") if os.path.lexists(path)]
    yield from (f"half-made: {path}" for path in staged)
    described = {path.name for path in (layout.state / "versions").glob("[!.]*")}
    orphans = described - set(versions.directories(layout))
    yield from (f"a description of no version: {name}" for name in sorted(orphans))


def temporary_names(*places: Path) -> Iterator[str]:
    """Say which names are left that were to be renamed into place."""
    for place in places:
        for directory, directories, names in os.walk(place):
            found = [name for name in (*directories, *names) if durable.is_temporary(name)]
            yield from (f"left over: {directory}/{name}" for name in found)


def _inside(directory: Path, *besides: str) -> list[Path]:
    return [path for path in directory.glob("*") if path.name not in besides] if directory.is_dir() else []


# How a recovery says that the operation had been as good as done, and how that it had not.
_DONE = ("had become active", "is complete", "had been removed", "was completed", "was discarded")
_UNDONE = ("had not become active", "half-made version", "Nothing is left", "was withdrawn", "had not been removed",
           "layout in-place was kept", "was not discarded", "was not whole")  # fmt: skip
_STATE = ("The live tree is “",)


def untold(entries: list[dict[str, Any]], operation: str, *, is_new: bool, is_old: bool) -> Iterator[str]:
    """Say where the history does not say what happened: a change of which it is silent, or one that never was."""
    outcomes = [str(entry["outcome"]) for entry in entries if entry["operation"] == operation]
    done = [outcome for outcome in outcomes if outcome == "succeeded" or any(words in outcome for words in _DONE)]
    if not is_old and not done and not any(words in outcome for outcome in outcomes for words in _STATE):
        yield f"the machine changed, and its history says: {outcomes}"
    if is_old and not is_new and done:
        yield f"nothing changed, and the history says: {done}"
    for outcome in outcomes:
        if outcome not in (*done, "undone") and not any(words in outcome for words in (*_UNDONE, *_STATE)):
            yield f"the history says neither old nor new: {outcome}"
