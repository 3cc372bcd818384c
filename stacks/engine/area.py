"""The build area: the tree under construction beside the package caches (design §7)."""

from __future__ import annotations

import os

from stacks.engine import trees
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner


def make_place(layout: Layout, owner: Owner) -> None:
    """Make the empty tree that guests fill."""
    clear(layout)
    layout.building.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.lchown(layout.building, owner.uid, owner.gid)


def clear(layout: Layout) -> None:
    """Remove the tree under construction, whatever a guest left in its place; the package caches stay."""
    if layout.building.is_symlink() or layout.building.is_file():
        layout.building.unlink()
    trees.discard(layout.building, layout.trash)
