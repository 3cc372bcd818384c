"""Sealing: what was built becomes a version, described, never edited again (design §6 and §7)."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stacks.engine import durable, manifest, parting, trees, versions
from stacks.engine.errors import Failed, Refused
from stacks.engine.layout import Layout
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.trees import Tree
from stacks.engine.versions import Description

# What is replaced was written a moment ago: to free it waits for the disk, one file after another far too long.
_AT_ONCE, _PART = 16, 128


class Leaks:
    """Looks through file contents for paths that only the build could see, and for the secrets that it was given."""

    def __init__(self, apart: Collection[str], needles: list[str], secrets: Collection[bytes]) -> None:
        self._apart = apart
        self._needles = [needle.encode() for needle in needles]
        self._secrets = secrets
        self.found: dict[str, str] = {}
        self._holding: list[str] = []

    def __call__(self, path: str, content: bytes | mmap.mmap) -> None:
        """Note a file that names one of the paths or holds a secret; what others own is their business."""
        if manifest.top(path) in self._apart:
            return
        for needle in self._needles:
            if content.find(needle) >= 0:
                self.found[path] = needle.decode()
        if any(content.find(secret) >= 0 for secret in self._secrets):
            self._holding.append(path)

    def look_at_names(self, content: Manifest) -> None:
        """Note a path, or the target of a symlink, that holds a secret."""
        for entry in content.entries if self._secrets else ():
            names = os.fsencode(f"{entry.path}\n{entry.target}")
            if manifest.top(entry.path) not in self._apart and any(secret in names for secret in self._secrets):
                self._holding.append(entry.path)

    def look_at(self, links: Collection[Entry], live: Path) -> None:
        """Note each symlink that leads, from the live path, to one of the paths."""
        for entry in links:
            leads = os.path.normpath((live / entry.path).parent / entry.target)
            self(entry.path, os.fsencode(f"{leads}/"))

    def check(self) -> None:
        """Raise Failed when any file or symlink names such a path, or holds a secret."""
        if self._holding:
            holding = list(dict.fromkeys(self._holding))
            raise Failed(
                f"{len(holding)} file(s) hold a secret that the build was given, first {holding[0]}: users "
                "would read it. Nothing was sealed; have the recipe or its script leave it out."
            )
        if self.found:
            path, needle = next(iter(self.found.items()))
            raise Failed(
                f"{len(self.found)} file(s) name a path that exists only during the build, first {path}: {needle}. "
                "The package bakes its build directory in: report it, or leave it out of the recipe."
            )


def scan(layout: Layout, *, apart: Collection[str] = (), secrets: Collection[bytes] = ()) -> Manifest:
    """Read the tree under construction; raise Failed when a file names the build area or caches, or holds a secret."""
    places = [layout.state, layout.root / "cache", layout.ramdisk]
    # Where the live path is a symlink during the build, a tool may have written down where it leads.
    real = [Path(os.path.realpath(place)) for place in (layout.state, layout.ramdisk)]
    leaks = Leaks(apart, [f"{place}/" for place in dict.fromkeys([*places, *real])], secrets)
    content = manifest.scan(layout.building, look=leaks)
    leaks.look_at_names(content)
    leaks.look_at([entry for entry in content.entries if entry.type == "l"], layout.live)
    leaks.check()
    return content


def share(building: Path, content: Manifest, earlier: list[Tree], *, apart: Collection[str] = ()) -> Manifest:
    """Replace files by hard links to equal ones of earlier sealed versions; give back the manifest as it is then.

    Equal is: digest, mode, owner, attributes, and the mtime too, but for a .pyc, whose own mtime nobody reads.
    What lies in the top directories `apart` is never shared. No other file stays a link of anything outside, such as a
    package cache, where a later guest could write to it.
    """
    wanted = {entry.digest for entry in content.entries if entry.type == "f"}  # earlier versions hold many more
    index = {
        key: (tree.path, entry)
        for tree in earlier
        for entry in tree.manifest.entries
        if entry.digest in wanted
        for key in _keys(entry)
    }
    ours = [entry for entry in content.entries if manifest.top(entry.path) not in apart]

    def share_part(part: list[Entry]) -> list[Entry]:
        return [found for entry in part if (found := _shared(building, entry, index))]

    parts = (ours[at : at + _PART] for at in range(0, len(ours), _PART))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        shared = {entry.path: entry for part in pool.map(share_part, parts) for entry in part}
    parting.part(building, [entry for entry in ours if entry.type == "f" and entry.path not in shared])
    entries = [shared.get(entry.path, entry) for entry in content.entries]
    for entry in reversed(content.entries):
        if entry.type == "d":
            os.utime(building / entry.path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
    return Manifest(tuple(entries))


def _keys(entry: Entry) -> list[object]:
    if entry.type != "f":
        return []
    timeless = (entry.digest, entry.mode, entry.uid, entry.gid, entry.attributes)
    return [entry.identity, timeless] if entry.path.endswith(".pyc") else [entry.identity]


def _shared(building: Path, entry: Entry, index: dict[object, tuple[Path, Entry]]) -> Entry | None:
    for key in reversed(_keys(entry)):
        if (found := index.get(key)) and _replace(f"{building}/{entry.path}", *found):
            return entry._replace(mtime_ns=found[1].mtime_ns)
    return None


def _replace(file: str, tree: Path, equal: Entry) -> bool:
    try:
        if os.path.samefile(file, f"{tree}/{equal.path}"):
            return True
    except OSError:
        return False
    aside = durable.temporary_name(Path(file))
    if not trees.link_equal(tree, equal, aside):
        return False
    os.rename(aside, file)
    return True


def commit(
    layout: Layout,
    description: Description,
    content: Manifest,
    step: Callable[[], None] = lambda: None,
    *,
    tree: Path | None = None,
) -> None:
    """Make the tree under construction the version `sw.<name>`: the last rename is the instant in which it exists.

    `tree` is another one on the same filesystem. `step` is called right before that rename. Raises Refused when
    something of that name is there already.
    """
    made = tree or layout.building
    place = layout.version(description.name)
    if os.path.lexists(place):
        raise Refused(f"{place} is there already: choose another name.")
    versions.store(layout, description, content)
    versions.mark(made, description)
    durable.sync_filesystem(made)
    step()
    os.rename(made, place)
    durable.sync_directory(layout.root)
