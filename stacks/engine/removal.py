"""Removing versions: what may go, what it frees, and how it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from stacks.engine import journal, resident, sizes, trees, usage, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout


def protected(layout: Layout) -> dict[str, str]:
    """Give the versions that must stay, each with the reason."""
    found = {
        journal.last_active(layout, besides=resident.active(layout)): "is what a revert would put back",
        resident.backing(layout): "is behind the backing link",
        resident.active(layout): "is active",
    }
    return {name: reason for name, reason in found.items() if name}


def check(layout: Layout, name: str, pinned: Iterable[str] = ()) -> None:
    """Raise Refused when a version must stay: active, backing, next to revert to, pinned, or in use in the ramdisk."""
    versions.need_sealed(layout, name)
    if reason := protected(layout).get(name):
        raise Refused(f"“{name}” {reason}: it cannot be removed.")
    if name in pinned:
        raise Refused(f"“{name}” is pinned: unpin it first.")
    check_unused(layout, name)


def check_unused(layout: Layout, name: str) -> None:
    """Raise Refused, with who, while processes use the tree of a version in the ramdisk."""
    has_tree = not resident.is_in_place(layout) and versions.is_directory(layout.resident(name))
    users = usage.of({name: layout.resident(name)})[name] if has_tree else []
    if users:
        shown = ", ".join(f"{process.pid} (user {process.user})" for process in users[:5])
        raise Refused(f"“{name}” is in use by {len(users)} process(es): {shown}. Wait until they have ended.")


def drop(layout: Layout, name: str) -> str:
    """Remove a version's tree from the ramdisk; raise Refused when it is active or in use.

    Gives a sentence about what cannot be removed yet, "" for none.
    """
    if resident.active(layout) == name:
        raise Refused(f"“{name}” is active: deploy another version first.")
    check_unused(layout, name)
    return trees.discard(layout.resident(name), resident.trash(layout))


def remove(layout: Layout, name: str) -> list[str]:
    """Remove a version from ramdisk and disk; the caller has checked it and holds both lanes' locks.

    Gives a sentence for each tree that cannot be removed yet, although it is a version no more.
    """
    said = []
    # Under layout in-place no version has a tree of its own in the ramdisk: what bears its name there is another's.
    if not resident.is_in_place(layout) and versions.is_directory(layout.ramdisk.resolve()):
        said.append(drop(layout, name))
    said.append(trees.discard(layout.version(name), layout.trash))
    versions.forget(layout, name)
    return [sentence for sentence in said if sentence]


def freed(places: Iterable[Path]) -> int:
    """Measure the bytes that removing these trees really frees: of files that have no hard link elsewhere."""
    links: Counter[tuple[int, int]] = Counter()
    known: dict[tuple[int, int], tuple[int, int]] = {}
    for status in sizes.statuses(places):
        inode = (status.st_dev, status.st_ino)
        links[inode] += 1
        known[inode] = (status.st_nlink, status.st_blocks * 512)
    return sum(size for inode, (count, size) in known.items() if links[inode] == count)


def surplus(layout: Layout, keep: int, pinned: Iterable[str] = ()) -> list[str]:
    """Name the versions that a prune would remove: all but the newest `keep`, the protected and the pinned."""
    if keep < 1:
        raise Refused("At least one version must be kept.")
    stay = {*protected(layout), *pinned}
    newest = sorted(versions.all_sealed(layout).values(), key=lambda item: -item.generation)
    return [item.name for item in newest[keep:] if item.name not in stay]
