"""Drift: how the active tree in the ramdisk has departed from the version that it was (design §2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import links, manifest, mounts, resident, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.manifest import Difference, Entry, Manifest
from stacks.engine.versions import Description

ENOUGH = 0.95  # of the manifest's paths must be there before a copy is made of a tree


@dataclass(frozen=True)
class Drift:
    """What was added, removed and changed, and the users who own what is there now."""

    differences: tuple[Difference, ...]
    owners: tuple[int, ...]

    def count(self, kind: str) -> int:
        """How many paths were added, removed or changed."""
        return sum(item.kind == kind for item in self.differences)

    def __str__(self) -> str:
        """Say it in a sentence."""
        counts = ", ".join(f"{self.count(kind)} {kind}" for kind in ("added", "removed", "changed"))
        return f"{counts}; first: {self.differences[0]}" if self.differences else "nothing has changed"


def trusted(layout: Layout) -> Description:
    """Give the active version, if its tree in the ramdisk may be copied from; else raise Refused (invariant 8, F9).

    It may when the ramdisk is a mounted tmpfs, the live path leads into it, the backing link names a sealed version on
    disk, and the tree carries that very version's identity, which is written last. Nothing else counts as a tree.
    """
    if not mounts.is_tmpfs(layout.ramdisk):
        raise Refused(f"{layout.ramdisk} is not a mounted tmpfs: there is nothing to back up. Run “dlstack restore”.")
    name = resident.backing(layout)
    if name is None or links.target(layout.backing) != layout.version(name).name:
        raise Refused(f"{layout.backing} names no version on disk: deploy the active version again.")
    description = versions.need_sealed(layout, name)
    if links.target(layout.live) != resident.live_target(layout, name):
        raise Refused(f"{layout.live} does not lead to “{name}” in the ramdisk: restore or deploy it first.")
    if versions.identity(resident.place(layout, name)) != description.identity:
        raise Refused(f"{resident.place(layout, name)} does not carry the identity of “{name}”: restore it.")
    return description


def find(layout: Layout, description: Description, *, full: bool = False) -> Drift:
    """Compare the active tree with its manifest, content too if `full`; raise Refused when much of it is gone."""
    content = versions.tree(layout, description.name).manifest
    tree = resident.place(layout, description.name)
    found = tuple(manifest.differences(content, tree, _always if full else _never, apart=(".dlstack",)))
    drift = Drift(found, tuple(sorted({uid for item in found for uid in _owner(tree / item.path)})))
    if drift.count("removed") > (1 - ENOUGH) * len(content.entries):
        raise Refused(
            f"{drift.count('removed')} of {len(content.entries)} paths of “{description.name}” are gone from the "
            "ramdisk: this is no state to keep. Restore it, or deploy another version."
        )
    return drift


def changes(layout: Layout, description: Description, content: Manifest) -> Iterator[Difference]:
    """Give each way in which the active tree departs from what was sealed, but for what belongs to others."""
    tree = resident.place(layout, description.name)
    return manifest.differences(content, tree, _never, apart=(*description.externals, ".dlstack"))


def _owner(path: Path) -> list[int]:
    try:
        return [os.lstat(path).st_uid]
    except OSError:
        return []


def _always(entry: Entry) -> bool:
    return True


def _never(entry: Entry) -> bool:
    return False


EVERYTHING: Callable[[Entry], bool] = _always
NOTHING: Callable[[Entry], bool] = _never
