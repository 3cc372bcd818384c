"""Layout in-place, the procedure by hand: one tree, the ramdisk itself, brought up to date by rsync (design §5).

Whoever reads the live path meanwhile gets a torn tree; services must be paused.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from stacks.engine import (
    drift,
    durable,
    externals,
    links,
    manifest,
    memory,
    mounts,
    reserve,
    resident,
    room,
    trees,
    usage,
    versions,
)
from stacks.engine.errors import Failed, Refused
from stacks.engine.events import Event
from stacks.engine.externals import External
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.manifest import Entry
from stacks.engine.mounts import Room
from stacks.engine.process import Command, base_environment, run
from stacks.engine.room import Need
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description


def set_layout(layout: Layout, *, in_place: bool) -> None:
    """Record which layout the root has."""
    if in_place:
        mark = b"one tree, the ramdisk itself\n"
        reserve.insist(layout.state, partial(durable.write_bytes, layout.in_place_mark, mark))
    else:
        layout.in_place_mark.unlink(missing_ok=True)
        durable.sync_directory(layout.state)


def check_room(layout: Layout, description: Description) -> None:
    """Raise Refused, with numbers, unless the version fits into the ramdisk in the place of what is there."""
    if not mounts.is_tmpfs(layout.ramdisk):
        raise Refused(f"{layout.ramdisk} is not a tmpfs: mount it first. Nothing was changed.")
    found = mounts.room(layout.ramdisk)
    emptied = Room(found.bytes_total, found.bytes_total, found.files_total)
    need = room.of_copy(versions.tree(layout, description.name).manifest)
    room.check(
        need,
        emptied,
        what=f"“{description.name}”",
        where="the ramdisk",
        more_bytes="enlarge the tmpfs",
        more_inodes="remount the tmpfs with a larger nr_inodes",
    )
    memory.check(Need(max(0, need.bytes - (found.bytes_total - found.bytes_free)), 0), f"“{description.name}”")


def sync(layout: Layout, description: Description, porter: Porter) -> None:
    """Make the tree in the ramdisk that of a version; its external environments are neither written nor deleted.

    The identity goes first and comes back last, so that a torn tree is never taken for a whole one. Files are compared
    by content: size and mtime alone miss a change. Nothing is deleted unless everything was copied, where there is room
    for both.
    """
    if not mounts.is_tmpfs(layout.ramdisk) or not versions.is_directory(layout.version(description.name)):
        raise Refused(f"{layout.ramdisk} is no tmpfs, or “{description.name}” no directory: nothing was done.")
    versions.unmark(layout.ramdisk)
    _set_aside(layout, description)
    kept = [f"--exclude=/{name}" for name in (*description.externals, ".dlstack", IDENTITY)]
    argv = [*trees.rsync(), "--checksum", _deletion(layout, description), *kept]
    argv += ["--", f"{layout.version(description.name)}/", f"{layout.ramdisk}/"]
    command = Command(argv, f"rsync {description.name} into the ramdisk", base_environment(), pass_fds=porter.lock_fds)
    run(command, porter.sink, porter.stop)
    for external in externals.of(description):
        if not versions.is_directory(layout.ramdisk / external.path):
            _bring(layout, description, external, porter)


def _deletion(layout: Layout, description: Description) -> str:
    """Delete after the copy, unless what is new does not fit beside what goes; neither deletes after a read error."""
    new = sum(
        -(-entry.size // 4096) * 4096
        for entry in resident.own(layout, description).entries
        if entry.type == "f" and not _looks_alike(layout.ramdisk / entry.path, entry)
    )
    return "--delete-after" if new * room.MARGIN < mounts.room(layout.ramdisk).bytes_free else "--delete-before"


def _looks_alike(file: Path, entry: Entry) -> bool:
    try:
        status = file.lstat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns)


def _set_aside(layout: Layout, description: Description) -> None:
    """Keep what others own in the ramdisk and the version does not have: it comes back with one that has it."""
    known = {path for item in versions.all_sealed(layout).values() for path in item.externals}
    for path in sorted(known - set(description.externals)):
        kept = _aside(layout, path)
        if versions.is_directory(layout.ramdisk / path):
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            trees.discard(kept, resident.trash(layout))
            os.rename(layout.ramdisk / path, kept)


def _aside(layout: Layout, path: str) -> Path:
    return layout.ramdisk / ".dlstack" / resident.ASIDE / path


def _bring(layout: Layout, description: Description, external: External, porter: Porter) -> None:
    if versions.is_directory(_aside(layout, external.path)):
        os.rename(_aside(layout, external.path), layout.ramdisk / external.path)
        return
    aside = layout.staging("external")
    trees.discard(aside, resident.trash(layout))
    aside.mkdir(mode=0o700, parents=True)
    source = externals.latest(layout, external, layout.version(description.name))
    externals.carry(external, source, aside, porter)
    os.rename(aside / external.path, layout.ramdisk / external.path)
    aside.rmdir()


def verify(layout: Layout, description: Description) -> None:
    """Raise VerifyFailed unless the ramdisk holds the version; then give it its identity."""
    tree = Tree(Path(os.path.realpath(layout.ramdisk)), versions.tree(layout, description.name).manifest)
    trees.verify(tree, drift.EVERYTHING, apart=(*description.externals, ".dlstack"))
    versions.mark(tree.path, description)


def activate(layout: Layout, description: Description) -> None:
    """Point the live path at the ramdisk, and the backing link at the version on disk."""
    real = Path(os.path.realpath(layout.ramdisk))
    if versions.identity(real) != description.identity:
        raise Failed(f"{layout.ramdisk} does not hold “{description.name}”.")
    links.switch(layout.live, layout.ramdisk.name, tree=real)
    resident.back(layout, description.name)


def convert(layout: Layout, description: Description, porter: Porter) -> None:
    """Turn to layout resident without an outage: hard-link the tree into `sw.tmpfs/<name>` and switch the live path.

    The old names are left; `drop_old_names` removes them when nobody uses them any more.
    """
    if (layout.ramdisk / description.name).exists():
        raise Refused(f"{layout.ramdisk / description.name} is there already: it is in the way of the conversion.")
    real = Path(os.path.realpath(layout.ramdisk))
    own = Tree(real, manifest.scan(real, apart=(IDENTITY, ".dlstack", *description.externals)))
    staging = layout.staging(description.name)
    staging.parent.mkdir(mode=0o700, exist_ok=True)
    trees.discard(staging, staging.parent / "trash")
    trees.clone(own, staging, [own], porter)
    for external in externals.of(description):
        kept = real / external.path
        externals.carry(external, kept if versions.is_directory(kept) else None, staging, porter)
    versions.mark(staging, description)
    os.rename(staging, layout.resident(description.name))
    set_layout(layout, in_place=False)
    links.switch(layout.live, resident.live_target(layout, description.name), tree=layout.resident(description.name))


def drop_old_names(layout: Layout, description: Description, porter: Porter) -> list[str]:
    """Remove from the ramdisk's top what layout in-place had there; gives the names that are in use and stay."""
    real = Path(os.path.realpath(layout.ramdisk))
    content = versions.tree(layout, description.name).manifest
    old = sorted({manifest.top(entry.path) for entry in content.entries} - {".dlstack", description.name})
    users = usage.of({name: real / name for name in old})
    for name in old:
        if users[name]:
            porter.sink(Event("warning", f"{real / name} is used by {len(users[name])} process(es): it stays for now."))
        elif versions.is_directory(real / name):
            trees.discard(real / name, real / ".dlstack" / "trash")
        else:
            (real / name).unlink(missing_ok=True)
    versions.unmark(real)
    return [name for name in old if users[name]]
