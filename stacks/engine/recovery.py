"""Finding out what a killed operation left, and bringing it to the old state or the new one (invariant 7)."""

from __future__ import annotations

import os
from typing import Any

from stacks.engine import area, durable, journal, links, resident, trees, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout


def recover(layout: Layout, lane: str) -> list[str]:
    """Complete or undo what the lane's last operation left, and tidy up; give back what was done, in sentences.

    The caller holds the lane's lock, so that nobody works there.
    """
    if not layout.state.is_dir():
        return []
    said = _finish(layout, lane)
    if lane == "live":
        links.sweep(layout.root)
        trees.empty(resident.trash(layout))
    else:
        _sweep_descriptions(layout)
        trees.empty(layout.trash)
    return said


def _finish(layout: Layout, lane: str) -> list[str]:
    intent = journal.pending(layout, lane)
    if intent is None:
        return []
    outcome = _RECOVERIES[intent["kind"]](layout, intent)
    journal.end(layout, lane, f"recovered: {outcome}")
    return [outcome]


def _recover_build(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    area.clear(layout)
    if versions.sealed(layout, name):
        return f"The version “{name}” had been sealed before the end: it is complete."
    if not os.path.lexists(layout.version(name)):
        versions.forget(layout, name)
    return f"The half-made version “{name}” was removed; the package caches were kept."


def _recover_live(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    if layout.ramdisk.is_dir():
        resident.unstage(layout, name)
    if links.target(layout.live) != resident.live_target(layout, name):
        return f"“{name}” had not become active: the live path was left as it was."
    try:
        resident.activate(layout, name)
    except Refused as error:
        return f"“{name}” had become active, but: {error}"
    return f"“{name}” had become active: the backing link was set to it."


def _recover_removal(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    if os.path.lexists(layout.version(name)):
        return f"“{name}” had not been removed from disk: it is still there."
    versions.forget(layout, name)
    return f"“{name}” had been removed."


_RECOVERIES = {
    "build": _recover_build,
    **dict.fromkeys(("remove", "prune"), _recover_removal),
    **dict.fromkeys(journal.MAKES_ACTIVE, _recover_live),
}


def _sweep_descriptions(layout: Layout) -> None:
    for path in (layout.state / "versions").glob(".*"):
        if durable.is_temporary(path.name) and versions.is_directory(path):
            trees.discard(path, layout.trash)
