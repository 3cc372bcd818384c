"""Taking over a root that was made by hand: its versions are described and marked, and not a byte of them changed."""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from stacks.engine import (
    drift,
    inplace,
    kernelspecs,
    links,
    manifest,
    mounts,
    packages,
    ramdisk,
    reserve,
    resident,
    versions,
)
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import Layout
from stacks.engine.manifest import Manifest
from stacks.engine.owner import Owner
from stacks.engine.versions import Description

Note = Callable[[str], None]


def check(layout: Layout) -> None:
    """Raise Refused unless there is something to take over, with symlinks where they belong."""
    if not layout.root.is_dir():
        raise Refused(f"{layout.root} does not exist: provision it, or correct the root.")
    links.target(layout.live)
    links.target(layout.backing)
    if not unsealed(layout) and (versions.identity(layout.live) or not layout.live.exists()):
        raise Refused(f"Everything in {layout.root} is sealed already: there is nothing to adopt.")


def unsealed(layout: Layout) -> list[str]:
    """Name the directories that lie where versions do and are not sealed."""
    return [name for name in versions.directories(layout) if versions.sealed(layout, name) is None]


def prepare(layout: Layout, owner: Owner) -> None:
    """Make DLStack's own directories and its reserve, and note which layout the root has; the rest stays as it is."""
    ramdisk.prepare_state(layout, owner)
    if not reserve.is_there(layout.state):
        reserve.keep(layout.state, reserve.SIZE)
    inplace.set_layout(layout, in_place=links.target(layout.live) == layout.ramdisk.name)


def seal(layout: Layout, name: str, generation: int, note: Note) -> Description | None:
    """Describe and mark one version that was made by hand; gives None, and says why, for one that cannot be sealed."""
    tree = layout.version(name)
    try:
        content = manifest.scan(tree)
    except (EngineError, OSError) as error:
        note(f"“{name}” was left as it is: {error}")
        return None
    description = _describe(tree, name, generation, content)
    versions.store(layout, description, content, replace=True)
    versions.mark(tree, description)
    note(f"“{name}” is sealed: {content.files} files, {content.bytes / 1e6:.1f} MB.")
    return description


def _describe(tree: Path, name: str, generation: int, content: Manifest) -> Description:
    found = [path.name for path in sorted(tree.iterdir()) if versions.is_directory(path)]
    return Description(
        name=name,
        uuid=str(uuid.uuid4()),
        generation=generation,
        sealed_at=time.time(),
        manifest=content.digest,
        files=content.files,
        bytes=content.bytes,
        packages={path: listed for path in found if (listed := packages.installed(tree / path))},
        kernelspecs=[_kernelspec(item) for item in kernelspecs.find(tree)],
        externals=_externals(tree, found),
    )


def _kernelspec(found: kernelspecs.Found) -> dict[str, object]:
    try:
        spec = kernelspecs.check(found)
    except Refused:
        spec = {}
    names = {"display_name": str(spec.get("display_name", "")), "language": str(spec.get("language", ""))}
    return {"name": found.name, "environment": found.environment, "required": False, **names}


def _externals(tree: Path, found: list[str]) -> dict[str, tuple[int, int]]:
    """Take for external what belongs to another user than the tree does, root apart."""
    owner = tree.lstat().st_uid
    statuses = {path: (tree / path).lstat() for path in found}
    return {path: (at.st_uid, at.st_gid) for path, at in statuses.items() if at.st_uid not in (owner, 0)}


def mark_ramdisk(layout: Layout, note: Note) -> None:
    """Mark the tree that is in production in the ramdisk as what it is: the version behind the backing link."""
    name = resident.backing(layout)
    tree = resident.place(layout, name) if name else None
    if tree and not (mounts.is_tmpfs(tree) and os.path.realpath(layout.live) == os.path.realpath(tree)):
        tree = None
    if name is None or tree is None:
        note("Nothing is in production in the ramdisk: deploy a version.")
        return
    description = versions.need_sealed(layout, name)
    content = versions.tree(layout, name).manifest
    found = list(manifest.differences(content, tree, drift.NOTHING, apart=(*description.externals, ".dlstack")))
    gone = sum(item.kind == "removed" for item in found)
    if gone > (1 - drift.ENOUGH) * len(content.entries):
        note(f"{tree} is not “{name}”: {gone} of its paths are missing there. It was not marked.")
        return
    versions.mark(tree, description)
    note(f"{tree} is “{name}”, {f'with {len(found)} differences: back it up to keep them' if found else 'unchanged'}.")


def writable_parents(layout: Layout) -> list[Path]:
    """Name the directories above the links in which everybody may replace them."""
    places = (layout.root, *layout.root.parents)
    return [place for place in places if place.is_dir() and _open_to_all(place)]


def _open_to_all(place: Path) -> bool:
    mode = place.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
