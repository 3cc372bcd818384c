"""Names that a killed operation leaves behind: written aside and never renamed, staged, or on their way out."""

from __future__ import annotations

import os
from pathlib import Path

from stacks.engine import durable, emptying, exchanges, links, resident, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.locks import lane_lock


def sweep_live(layout: Layout) -> None:
    """Remove what operations leave beside the links and in the ramdisk; the caller holds the live lane's lock."""
    links.sweep(layout.root)
    durable.sweep(layout.in_place_mark)
    for tree in _trees(layout):
        durable.sweep(tree / IDENTITY)
    resident.unstage_all(layout)


def _trees(layout: Layout) -> list[Path]:
    """Name every tree that may carry an identity, with the one of layout in-place."""
    on_disk = [layout.version(name) for name in versions.directories(layout)]
    in_ram = [layout.ramdisk, *(layout.resident(name) for name in versions.directories(layout))]
    return on_disk + [tree for tree in in_ram if versions.is_directory(Path(os.path.realpath(tree)))]


def sweep_shared(layout: Layout, *, held: str) -> None:
    """Remove what operations of either lane leave in the same places; the caller holds the lock of the lane `held`.

    Nothing is removed while the other lane works: what lies there may be its own. The next recovery does it.
    """
    # The build area alone is the stack owner's; without it nothing was ever started as that owner.
    if versions.is_directory(layout.build_area):
        exchanges.sweep(layout.build_area.lstat().st_uid)
    if not _shared(layout):
        return
    other = "build" if held == "live" else "live"
    try:
        with lane_lock(layout, other, "the sweep of what a killed operation left"):
            _remove_shared(layout)
    except Refused:
        return


def _shared(layout: Layout) -> list[Path]:
    """Name half-written records and descriptions, and trash of the ramdisk, into which a removal puts trees too."""
    places = (layout.state, layout.state / "versions")
    found = [path for place in places for path in place.glob(".*") if durable.is_temporary(path.name)]
    trash = resident.trash(layout)
    return found + (list(trash.iterdir()) if versions.is_directory(trash) else [])


def _remove_shared(layout: Layout) -> None:
    for path in _shared(layout):
        if versions.is_directory(path):
            emptying.remove(path)
        else:
            path.unlink(missing_ok=True)
