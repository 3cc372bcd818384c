"""A version that differs from another by one kernelspec: hard-linked, sealed, and withdrawn when it cannot go live.

It is made beside the build area, which belongs to the other lane, and no file is ever written through a hard link.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stacks.engine import durable, externals, links, manifest, resident, trees, usage, versions
from stacks.engine.errors import Failed, Refused
from stacks.engine.kernels.inventory import KERNELS
from stacks.engine.layout import Layout
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description


@dataclass(frozen=True)
class Change:
    """What differs: the kernelspec directory `kernel` of an environment holds `files`, or goes where there are none.

    `listed` is what the version's description says of it.
    """

    environment: str
    kernel: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    listed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Where it lies in a tree."""
        return Path(self.environment) / KERNELS / self.kernel


def place(layout: Layout, name: str) -> Path:
    """Where the half-made tree of the version `name` is."""
    return layout.state / "kernels" / layout.resident(name).name


def trash(layout: Layout) -> Path:
    """Where trees on disk go before they are deleted: not the other lane's, which empties its own at any time."""
    return layout.state / "kernels" / ".trash"


def make(layout: Layout, source: Description, stored: Tree, name: str, change: Change, *, porter: Porter) -> Manifest:
    """Make the half-made tree of `name`: all of `source` by hard links, and the change; gives back its manifest.

    `stored` is the tree of `source` on disk. External environments are copied as they are now.
    Raises Refused when a symlink is in the way of the kernelspec.
    """
    tree = place(layout, name)
    tree.parent.mkdir(mode=0o700, exist_ok=True)
    trees.empty(trash(layout))
    trees.discard(tree, trash(layout))
    own = Tree(stored.path, externals.without(stored.manifest, source.externals))
    cloned = trees.clone(own, tree, [own], porter)
    if cloned.copied:  # what could not be linked had changed since it was sealed, or has too many links
        trees.verify(Tree(tree, own.manifest), lambda entry: entry.path in cloned.copied, apart=source.externals)
    others = externals.of(source)
    for external in others:
        kept = externals.latest(layout, external, stored.path)
        externals.carry(external, kept, tree, porter)
    _apply(tree, change)
    apart = [entry for external in others for entry in manifest.part(tree, Path(external.path))]
    return _changed(tree, own.manifest, change, apart)


def _apply(tree: Path, change: Change) -> None:
    directory = _way(tree, change.directory)
    if os.path.lexists(directory):
        if directory.is_symlink():
            os.unlink(directory)
        else:
            shutil.rmtree(directory)
    if not change.files:
        return
    status = directory.parent.stat()
    directory.mkdir(mode=0o755)
    for name, data in change.files.items():
        with open(directory / name, "xb") as file:
            file.write(data)
        os.chmod(directory / name, 0o644)
    for path in (directory, *directory.iterdir()):
        _own(path, status)


def _way(tree: Path, directory: Path) -> Path:
    """Make the directories above a kernelspec, as the tree's owner; raise Refused when one is a symlink."""
    found = tree
    for part in directory.parts[:-1]:
        status = found.stat()
        found /= part
        if found.is_symlink() or (found.exists() and not found.is_dir()):
            raise Refused(f"{found.relative_to(tree)} of this version is a symlink or a file: build a version instead.")
        if not found.exists():
            found.mkdir(mode=0o755)
            _own(found, status)
    return found / directory.name


def _own(path: Path, status: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.lchown(path, status.st_uid, status.st_gid)


def _changed(tree: Path, before: Manifest, change: Change, apart: list[Entry]) -> Manifest:
    """Bring a manifest in step with the change, without reading what did not change."""
    kernels = change.directory.parent
    inside = f"{kernels}/"
    known = before.by_path
    kept = {path: entry for path, entry in known.items() if not path.startswith(inside)}
    for way in [*reversed(kernels.parents[:-1]), kernels]:
        entry = manifest.describe(str(way), os.lstat(tree / way))
        kept[str(way)] = entry._replace(attributes=known[str(way)].attributes if str(way) in known else "-")
    entries = [*kept.values(), *manifest.part(tree, kernels)[1:], *apart]
    return Manifest(tuple(sorted(entries)))


def describe(source: Description, name: str, generation: int, identifier: str, change: Change) -> Description:
    """Describe the version to come, but for its manifest."""
    others = [
        spec
        for spec in source.kernelspecs
        if (spec.get("environment"), spec.get("name")) != (change.environment, change.kernel)
    ]
    listed = [*others, dict(change.listed)] if change.files else others
    return replace(source, name=name, uuid=identifier, generation=generation, kernelspecs=listed)


def new_identifier() -> str:
    """Make the uuid of a version to come."""
    return str(uuid.uuid4())


def commit(layout: Layout, description: Description, content: Manifest) -> Description:
    """Seal the half-made tree as the version that is described; gives back the whole description.

    Each file was compared with the manifest when it was linked, or described after it was written.
    Raises Refused when something of that name is there already.
    """
    tree, goal = place(layout, description.name), layout.version(description.name)
    if os.path.lexists(goal):
        raise Refused(f"{goal} is there already: choose another name.")
    whole = replace(
        description, sealed_at=time.time(), manifest=content.digest, files=content.files, bytes=content.bytes
    )
    versions.store(layout, whole, content)
    versions.mark(tree, whole)
    durable.sync_filesystem(tree)
    os.rename(tree, goal)
    durable.sync_directory(layout.root)
    return whole


def withdraw(layout: Layout, name: str, identifier: str) -> None:
    """Take away what was made of a version that is not active: half-made tree, copy in the ramdisk, version.

    What does not carry `identifier` is somebody else's, and left alone; so is what processes run from, whole as it is.
    Raises Failed while it is active or backed.
    """
    trees.discard(place(layout, name), trash(layout))
    known = versions.describe(layout, name)
    if known is None or known.uuid != identifier:
        return
    if name in (resident.active(layout), resident.backing(layout)):
        raise Failed(f"“{name}” is active or backed: it was kept.")
    if usage.of({name: layout.resident(name)})[name]:
        return
    for tree, goes in ((layout.resident(name), resident.trash(layout)), (layout.version(name), trash(layout))):
        if versions.identity(tree) == known.identity:
            trees.discard(tree, goes)
    if not os.path.lexists(layout.version(name)):
        versions.forget(layout, name)


def recover(layout: Layout, intent: dict[str, Any]) -> str:
    """Complete or withdraw what a killed change left; says what was done."""
    name = str(intent["version"])
    if stat.S_ISDIR(_mode(layout.ramdisk)):
        resident.unstage(layout, name)
    resident.finish_undo(layout, intent)
    if links.target(layout.live) != resident.live_target(layout, name):
        try:
            withdraw(layout, name, str(intent.get("uuid", "")))
        except Failed as error:
            return str(error)
        return f"“{name}” had not become active: it was withdrawn, and the live path was left as it was."
    try:
        resident.activate(layout, name)
    except Refused as refusal:
        return f"“{name}” had become active, but: {refusal}"
    return f"“{name}” had become active: the backing link was set to it."


def _mode(path: Path) -> int:
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0
