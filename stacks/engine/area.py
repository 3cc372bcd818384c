"""The build area: the tree under construction beside the package caches (design §7)."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from stacks.engine import emptying, trees, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner

INPUTS = "dlstack-inputs-"  # how the names of directories with files for guests begin


def make_place(layout: Layout, owner: Owner) -> None:
    """Make the empty tree that guests fill; raises Refused where the root was never made ready."""
    if not layout.build_area.is_dir():
        raise Refused(f"{layout.root} is not made ready: type dlstack provision, or what its page says, as root there.")
    clear(layout)
    layout.building.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.lchown(layout.building, owner.uid, owner.gid)


def new_inputs() -> Path:
    """Name a directory of files for guests; the journal knows it before it is made, so that a kill never leaves it."""
    return Path(tempfile.gettempdir()) / f"{INPUTS}{secrets.token_hex(8)}"


def remove_inputs(place: str) -> None:
    """Remove the directory of files for guests that a killed build left; anything else is left alone."""
    path = Path(place)
    if path.name.startswith(INPUTS) and versions.is_directory(path) and path.lstat().st_uid == os.geteuid():
        emptying.remove(path)


def clear(layout: Layout) -> None:
    """Remove the tree under construction, whatever a guest left in its place; the package caches stay."""
    if os.path.lexists(layout.building) and not versions.is_directory(layout.building):
        layout.building.unlink()
    trees.discard(layout.building, layout.trash)
