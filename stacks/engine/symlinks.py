"""Where the symlinks of a sealed tree lead, as it will be at the live path: nowhere, or out of it (F17)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import manifest
from stacks.engine.kernels.place import Place
from stacks.engine.manifest import Entry
from stacks.engine.trees import Tree

_SHOWN = 3


@dataclass(frozen=True)
class Review:
    """The symlinks of a tree that lead nowhere, and those that lead to something outside of it."""

    dangling: tuple[Entry, ...]
    outward: tuple[Entry, ...]


def review(tree: Tree, live: Path, *, apart: Collection[str] = ()) -> Review:
    """Follow every symlink of a tree as from the live path; what lies in the top directories `apart` is passed over."""
    place = Place(tree.path, live)
    found = [item for item in tree.manifest.entries if item.type == "l" and manifest.top(item.path) not in apart]
    ends = [(item, place.resolve(tree.path / item.path)) for item in found]
    dangling = tuple(item for item, end in ends if end is None)
    return Review(dangling, tuple(item for item, end in ends if end is not None and not place.holds(end)))


def told(links: tuple[Entry, ...], does: str) -> str:
    """Say in a sentence how many symlinks do what, and which are the first, "" for none."""
    if not links:
        return ""
    first = ", ".join(f"{item.path} → {item.target}" for item in links[:_SHOWN])
    more = f" and {len(links) - _SHOWN} more" if len(links) > _SHOWN else ""
    return f"{len(links)} symlink(s) {does}: {first}{more}.".replace("\n", "\N{REPLACEMENT CHARACTER}")
