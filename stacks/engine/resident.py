"""Layout resident: several whole versions in the ramdisk, and a live path that is switched between them (design §5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from stacks.engine import durable, externals, links, memory, mounts, room, trees, versions
from stacks.engine.errors import Failed, Refused
from stacks.engine.externals import External
from stacks.engine.layout import Layout
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.room import Need
from stacks.engine.trees import Cloned, Porter, Tree
from stacks.engine.versions import Description

ASIDE = "externals"  # where layout in-place keeps what others own and the version in production does not have
NOT_STAGED = ("trash", ASIDE)  # beside the half-made trees; no version has such a name


def is_in_place(layout: Layout) -> bool:
    """Tell whether the root has layout in-place: the ramdisk is itself the one tree (design §5)."""
    return layout.in_place_mark.exists()


def place(layout: Layout, name: str) -> Path:
    """Where the tree of a version is, or would be, in the ramdisk."""
    return Path(os.path.realpath(layout.ramdisk)) if is_in_place(layout) else layout.resident(name)


def active(layout: Layout) -> str | None:
    """Name the version that the live path resolves to, None when it resolves to none."""
    if is_in_place(layout) and os.path.realpath(layout.live) == os.path.realpath(layout.ramdisk):
        found = versions.identity(Path(os.path.realpath(layout.ramdisk)))
        known = versions.all_sealed(layout).values()
        return next((item.name for item in known if item.identity == found), None)
    return _name_of(layout, layout.live)


def backing(layout: Layout) -> str | None:
    """Name the version that the backing link names, None when it names none."""
    return _name_of(layout, layout.backing)


def _name_of(layout: Layout, link: Path) -> str | None:
    real = os.path.realpath(link)
    # The name that it ends with first: to look at another is to walk two paths.
    for name in sorted(versions.directories(layout), key=lambda name: not real.endswith(name)):
        if real in (os.path.realpath(layout.resident(name)), os.path.realpath(layout.version(name))):
            return name if os.path.isdir(real) else None
    return None


def in_ram(layout: Layout) -> list[str]:
    """Name the versions whose whole tree is in the ramdisk."""
    if is_in_place(layout):
        found = active(layout)
        return [found] if found and os.path.realpath(layout.live) == os.path.realpath(layout.ramdisk) else []
    return list(versions.residents(layout))


def need(layout: Layout, name: str) -> Need:
    """Estimate what staging a version adds to the ramdisk, by the manifests alone; nothing when it is resident."""
    if name in versions.residents(layout):
        return room.NOTHING
    description = versions.need_sealed(layout, name)
    return room.of_copy(versions.tree(layout, name).manifest, reusable(layout), apart=description.externals)


def check_room(layout: Layout, name: str) -> Need:
    """Raise Refused, with numbers, unless the version fits into the ramdisk beside what is there, and into memory."""
    check_is_ramdisk(layout)
    wanted = need(layout, name)
    check_fits(layout, wanted, f"“{name}”")
    return wanted


def check_anew(layout: Layout, description: Description) -> None:
    """Raise Refused, with numbers, unless a second copy of a resident version fits into the ramdisk."""
    content = versions.tree(layout, description.name).manifest
    others = [tree for tree in reusable(layout) if tree.path != layout.resident(description.name)]
    check_fits(layout, room.of_copy(content, others, apart=description.externals), f"“{description.name}”")


def check_is_ramdisk(layout: Layout) -> None:
    """Raise Refused when the ramdisk is not mounted."""
    if not mounts.is_tmpfs(layout.ramdisk):
        raise Refused(f"{layout.ramdisk} is not a tmpfs: mount it, or run “dlstack provision”. Nothing was changed.")


def check_fits(layout: Layout, wanted: Need, what: str) -> None:
    """Raise Refused, with numbers, unless `what` fits into the ramdisk and into memory."""
    room.check(
        wanted,
        mounts.room(layout.ramdisk),
        what=what,
        where="the ramdisk",
        more_bytes="remove a resident version or enlarge the tmpfs",
        more_inodes="remove a resident version or remount the tmpfs with a larger nr_inodes",
    )
    memory.check(wanted, what)


def reusable(layout: Layout) -> list[Tree]:
    """Give the resident trees, whose files a further version can share; what others own is never shared."""
    found = versions.residents(layout)
    return [Tree(layout.resident(name), own(layout, description)) for name, description in found.items()]


def own(layout: Layout, description: Description) -> Manifest:
    """Give the manifest of a version without what others own in it."""
    return externals.without(versions.tree(layout, description.name).manifest, description.externals)


def stage(layout: Layout, description: Description, porter: Porter, *, current: bool = True) -> Cloned:
    """Copy a sealed version into the ramdisk, as a half-made tree that `admit` renames into place.

    External environments come from the active tree if `current`, else as they were sealed.
    """
    source = Tree(layout.version(description.name), own(layout, description))
    return fill(layout, description, source, reusable(layout), porter, current=current)


def fill(
    layout: Layout, description: Description, source: Tree, reuse: list[Tree], porter: Porter, *, current: bool = True
) -> Cloned:
    """Make the staged tree of a version from `source`, sharing with `reuse`; carry its external environments over."""
    unstage(layout, description.name)
    staging = layout.staging(description.name)
    staging.parent.mkdir(mode=0o700, exist_ok=True)  # nobody reaches a half-made tree
    # Made before it is needed: then there may be no inode left for it.
    trash(layout).mkdir(mode=0o700, exist_ok=True)
    cloned = trees.clone(source, staging, reuse, porter)
    for external in externals.of(description):
        externals.carry(external, _copy_of(layout, description, external, current=current), staging, porter)
    return cloned


def _copy_of(layout: Layout, description: Description, external: External, *, current: bool) -> Path | None:
    own = layout.version(description.name)
    found = externals.latest(layout, external, own) if current else own / external.path
    return found if found and versions.is_directory(found) else None


def refresh_externals(layout: Layout, description: Description, porter: Porter, *, current: bool) -> list[str]:
    """Bring a resident version's external environments up to date, each by one exchange; names those that changed."""
    changed = []
    for external in externals.of(description):
        source = _copy_of(layout, description, external, current=current)
        place = layout.resident(description.name) / external.path
        if source is None or externals.is_equal(source, place):
            continue
        aside = layout.staging(f"external-{description.generation}")
        trees.discard(aside, trash(layout))
        aside.mkdir(mode=0o700, parents=True)
        externals.carry(external, source, aside, porter)
        durable.exchange(aside / external.path, place)
        trees.discard(aside, trash(layout))
        changed.append(external.path)
    return changed


def unstage(layout: Layout, name: str) -> None:
    """Remove a half-made tree, if there is one."""
    trees.discard(layout.staging(name), trash(layout))


def unstage_all(layout: Layout) -> None:
    """Remove every half-made tree; the caller holds the live lane's lock, and has none of its own."""
    if mounts.is_tmpfs(layout.ramdisk):
        for path in (layout.ramdisk / ".dlstack").glob("*"):
            if path.name not in NOT_STAGED and versions.is_directory(path):
                trees.discard(path, trash(layout))


def retire(layout: Layout, name: str) -> None:
    """Take its identity from a resident tree that was kept as another version: it is no copy of its own any more."""
    if versions.is_directory(layout.resident(name)):
        versions.unmark(layout.resident(name))


def trash(layout: Layout) -> Path:
    """Where trees of the ramdisk go before they are deleted."""
    return layout.ramdisk / ".dlstack" / "trash"


def verify(layout: Layout, description: Description, cloned: Cloned) -> None:
    """Raise VerifyFailed unless the staged tree agrees with the manifest; what was copied is read and hashed."""
    tree = Tree(layout.staging(description.name), versions.tree(layout, description.name).manifest)

    def hashed(entry: Entry) -> bool:
        return entry.path in cloned.copied

    trees.verify(tree, hashed, apart=description.externals, linked=cloned.linked)


def admit(layout: Layout, description: Description) -> None:
    """Give a verified staged tree its identity and rename it into place: from now on it is resident.

    A tree in its place that lost its identity (it drifted and was kept as a backup) is swapped out in the same instant.
    """
    staging, place = layout.staging(description.name), layout.resident(description.name)
    versions.mark(staging, description)
    if versions.is_directory(place):
        durable.exchange(staging, place)
        unstage(layout, description.name)
    else:
        os.rename(staging, place)


def activate(layout: Layout, name: str) -> None:
    """Point the live path at a resident version, then the backing link at the same version on disk."""
    versions.need_sealed(layout, name)
    if name not in versions.residents(layout):
        raise Refused(f"“{name}” is not in the ramdisk: deploy it first.")
    links.switch(layout.live, live_target(layout, name), tree=layout.resident(name))
    back(layout, name)


def links_now(layout: Layout) -> dict[str, str | None]:
    """Read what the live path and the backing link say, for `undo` and the journal."""
    return {"live": links.target(layout.live), "backing": links.target(layout.backing)}


def undo(layout: Layout, name: str, before: dict[str, str | None]) -> bool:
    """Make both links say what they said before a version became active; tell whether the live path had moved to it."""
    if links.target(layout.live) != live_target(layout, name) or before == links_now(layout):
        return False
    links.put_back(layout.live, before["live"])
    links.put_back(layout.backing, before["backing"])
    return True


def finish_undo(layout: Layout, intent: dict[str, Any]) -> None:
    """Complete an `undo` that was killed between its two links, as far as the journal's `links` say so."""
    before = intent.get("links") or {}
    moved_back = before.get("live") != live_target(layout, str(intent["version"]))
    if before and moved_back and links.target(layout.live) == before["live"]:
        links.put_back(layout.backing, before["backing"])


def back(layout: Layout, name: str) -> None:
    """Point the backing link at a version on disk, unless it does so already."""
    wanted = layout.version(name).name
    if links.target(layout.backing) != wanted:
        links.switch(layout.backing, wanted, tree=layout.version(name))


def live_target(layout: Layout, name: str) -> str:
    """Spell what the live path says while a version is served from the ramdisk."""
    if is_in_place(layout):
        return layout.ramdisk.name
    return f"{layout.ramdisk.name}/{layout.resident(name).name}"


def is_served(layout: Layout, description: Description) -> bool:
    """Tell whether both links are on a version and its whole tree is served from the ramdisk."""
    return (
        links.target(layout.live) == live_target(layout, description.name)
        and links.target(layout.backing) == layout.version(description.name).name
        and versions.identity(place(layout, description.name)) == description.identity
    )


def is_lost(layout: Layout) -> bool:
    """Tell whether the version behind the backing link should be served from the ramdisk, and is not: after a reboot.

    That is so while the live path leads into the ramdisk, where its tree is not, or to the copy on disk, from which a
    restore serves until the ramdisk is filled.
    """
    name = backing(layout)
    description = versions.sealed(layout, name) if name else None
    if description is None or is_served(layout, description):
        return False
    return links.target(layout.live) in (live_target(layout, description.name), layout.version(description.name).name)


def confirm(layout: Layout, description: Description) -> None:
    """Raise Failed unless a reader of the live path gets this version, and the backing link names it."""
    found = versions.identity(Path(os.path.realpath(layout.live)))
    if found != description.identity:
        raise Failed(f"{layout.live} leads to {os.path.realpath(layout.live)}, which is not “{description.name}”.")
    if backing(layout) != description.name:
        raise Failed(f"{layout.backing} does not name “{description.name}”: something else changes it.")
