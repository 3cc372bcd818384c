"""A version of another machine while it is made here: out of sight, taken up again, whole before it is one (design §6).

A half-made copy lies in a directory of its own below `.dlstack/copies/`, named by the version's uuid, where nobody but
this process's user reaches it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from stacks.engine import contents, emptying, externals, foreign, manifest, trees, versions, walking
from stacks.engine.errors import CutOff, Failed, Refused
from stacks.engine.events import Event
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.manifest import Difference, Entry, Manifest
from stacks.engine.owner import Owner, may_give_files
from stacks.engine.remote import Door
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description

KEPT = 7 * 24 * 3600.0  # seconds that a half-made copy waits to be taken up again
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Half:
    """The places of one half-made copy; `trash` is where it goes."""

    path: Path
    trash: Path

    @property
    def tree(self) -> Path:
        """The tree that becomes the version."""
        return self.path / "sw"

    @property
    def aside(self) -> Path:
        """What is half-made of single files."""
        return self.path / "aside"

    @property
    def described(self) -> Path:
        """What the other machine says of the version: as much of a root as describes it."""
        return self.path / "described"

    def make(self) -> None:
        """Make the places; what an earlier attempt left in the tree stays."""
        for place in (self.path.parent, self.path):
            place.mkdir(mode=0o700, exist_ok=True)
        if os.path.lexists(self.described):
            emptying.remove(self.described)
        self.described.mkdir(mode=0o700)
        self.aside.mkdir(mode=0o700, exist_ok=True)
        for path in self.aside.iterdir():  # rsync goes on with what it put into its partial directory itself
            if not versions.is_directory(path):
                path.unlink()
        self.tree.mkdir(mode=0o700, exist_ok=True)
        os.utime(self.path)

    def discard(self) -> str:
        """Remove it all; gives a sentence about what cannot be removed yet, "" for none."""
        return trees.discard(self.path, self.trash)


def half(layout: Layout, uuid: str) -> Half:
    """Give the places of the copy of a version; raise Refused for what is no uuid."""
    try:
        name = str(UUID(uuid))
    except ValueError:
        raise Refused(f"“{uuid}” is no uuid of a version.") from None
    return Half(_copies(layout) / name, layout.trash)


def _copies(layout: Layout) -> Path:
    return layout.state / "copies"


def sweep(layout: Layout, *, now: float | None = None) -> list[str]:
    """Remove the half-made copies that nobody took up for a week; the caller holds the build lane's lock."""
    copies = _copies(layout)
    if not versions.is_directory(copies):
        return []
    old = [path for path in copies.iterdir() if (now or time.time()) - path.lstat().st_mtime > KEPT]
    return [
        f"A half-made copy that nobody took up was removed: {path.name}." for path in old if not _gone(path, layout)
    ]


def _gone(path: Path, layout: Layout) -> str:
    return trees.discard(path, layout.trash) if versions.is_directory(path) else "no directory"


def describe(door: Door, place: Half, name: str, digest: str, porter: Porter) -> tuple[Description, Manifest]:
    """Fetch what describes the version `name` there, and see that it is the one with that manifest digest.

    Raises Refused when it is not sealed there, or another; Failed when its manifest is none of ours.
    """
    there = Layout(place.described)
    own = [
        there.description(name) / "version.json",
        there.description(name) / "manifest",
        there.version(name) / IDENTITY,
    ]
    try:
        door.fetch(".", [str(path.relative_to(there.root)) for path in own], there.root, place.aside, porter)
    except CutOff:
        raise
    except Failed as error:
        if all(path.is_file() for path in own) or "No such file" not in str(error):
            raise
        raise Refused(
            f"“{name}” is not sealed on {door.machine} any more, or the door there shows another directory than its "
            "root: compare what follows “rrsync -ro” in its authorized_keys."
        ) from error
    description = versions.sealed(there, name)
    if description is None:
        raise Refused(f"“{name}” is not sealed on {door.machine}: what describes it there does not belong to its tree.")
    content = versions.tree(there, name).manifest
    if digest != description.manifest or content.digest != digest:
        raise Refused(
            f"“{name}” on {door.machine} is another version than the one that was asked for: its manifest differs."
        )
    return description, content


def check(description: Description, content: Manifest, owner: Owner) -> None:
    """Raise Failed for a manifest that would reach out of its tree, or give somebody another user's rights.

    Raises Refused when this process may not give files to their owners.
    """
    kinds: dict[str, str] = {}
    for entry in content.entries:
        if not _is_inside(entry, kinds):
            raise Failed(f"The manifest of “{description.name}” names “{entry.path[:100]}”, which no tree holds.")
        kinds[entry.path] = entry.type
        uid = description.externals.get(manifest.top(entry.path), (owner.uid, 0))[0]
        if entry.type == "f" and entry.mode & stat.S_ISUID and entry.uid != uid:
            raise Failed(
                f"“{entry.path}” of “{description.name}” is setuid and belongs to user {entry.uid}, not {uid}."
            )
    others = {entry.uid for entry in content.entries} - {os.geteuid()}
    if others and not may_give_files():
        raise Refused(
            f"“{description.name}” holds files of user {min(others)}, to whom this worker may not give any: let both "
            "machines have the same owner of stacks, and run it with the capabilities of deploy/, or as root."
        )


def _is_inside(entry: Entry, kinds: dict[str, str]) -> bool:
    """Tell whether a path lies in the tree, once, in a directory that was named before."""
    above, _, name = entry.path.rpartition("/")
    is_named = name not in {"", ".", "..", IDENTITY} or (name == IDENTITY and bool(above))
    return is_named and entry.type in "fdlps" and entry.path not in kinds and kinds.get(above, "d" * (not above)) == "d"


@dataclass(frozen=True, slots=True)
class Arranged:
    """What is in the half-made tree without the network: how many paths stayed and were linked, and the `rest`."""

    kept: int
    linked: int
    rest: tuple[Entry, ...]


def arrange(content: Manifest, apart: Collection[str], tree: Path, reuse: Sequence[Tree], porter: Porter) -> Arranged:
    """Bring a half-made tree as far as it goes without the network; give what is missing.

    What an earlier attempt left stays where lstat agrees with the manifest; what a tree of `reuse` holds is
    hard-linked, but for what lies in the top directories `apart`.
    """
    open_up(tree)
    kept = _tidied(content, tree)
    for entry in content.entries:
        if entry.type == "d" and entry.path not in kept:
            os.mkdir(f"{tree}/{entry.path}", 0o700)
    missing = Manifest(tuple(entry for entry in content.entries if entry.path not in kept and entry.type != "d"))
    equal = trees.held(externals.without(missing, apart), reuse)
    rest, linked = trees.link(missing, tree, equal, porter)
    return Arranged(len(kept), len(linked), tuple(rest))


def open_up(tree: Path) -> None:
    """Let this process write in every directory of a half-made tree, which nobody else can reach."""
    for above, directories, _ in os.walk(tree):
        for path in (f"{above}/{name}" for name in directories):
            if not os.path.islink(path):
                os.chmod(path, 0o700)


def duplicate(rest: Sequence[Entry], tree: Path, reuse: Sequence[Tree], porter: Porter) -> tuple[Entry, ...]:
    """Copy into a half-made tree the content that a tree of `reuse` holds under another time, mode or owner.

    Gives what is missing still.
    """
    wanted = {entry.digest for entry in rest if entry.type == "f" and entry.size and entry.attributes == contents.NONE}
    here = {
        entry.digest: (one.path, entry) for one in reuse for entry in one.manifest.entries if entry.digest in wanted
    }
    left = []
    for number, entry in enumerate(rest):
        if number % 500 == 0:
            porter.stop.check()
        found = here.get(entry.digest) if entry.digest in wanted else None
        if found is None or not _duplicated(*found, tree, entry):
            left.append(entry)
    return tuple(left)


def _duplicated(source: Path, there: Entry, tree: Path, entry: Entry) -> bool:
    try:
        descriptor = walking.open_beneath(source, Path(there.path))
    except OSError:  # gone meanwhile: it is fetched
        return False
    try:
        if not manifest.agrees(there, os.fstat(descriptor)):
            return False
        made = os.open(tree / entry.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            foreign.pour(descriptor, made, entry.size)
            if (entry.uid, entry.gid) != (os.geteuid(), os.getegid()):
                os.fchown(made, entry.uid, entry.gid)
            os.fchmod(made, entry.mode)
            os.utime(made, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(made)
    finally:
        os.close(descriptor)
    return True


def _tidied(content: Manifest, tree: Path) -> set[str]:
    """Take out of a half-made tree what is not as it should be, and name what stays."""
    kept: set[str] = set()
    wrong: list[str] = []
    for found in walking.walk(tree, apart=()):
        expected = content.by_path.get(found.path)
        (kept.add if expected and _agrees(expected, found) else wrong.append)(found.path)
    for path in wrong:
        _remove(tree / path)
    return {path for path in kept if not any(path.startswith(f"{place}/") for place in wrong)}


def _agrees(expected: Entry, found: walking.Found) -> bool:
    status = found.status()
    if expected.type == "d":
        return stat.S_ISDIR(status.st_mode)
    if expected.type == "f":
        return manifest.agrees(expected, status)
    target = found.target() if stat.S_ISLNK(status.st_mode) else ""
    return manifest.describe(found.path, status, target) == expected._replace(attributes=contents.NONE)


def _remove(path: Path) -> None:
    if versions.is_directory(path):
        emptying.remove(path)
    else:
        path.unlink(missing_ok=True)


def finish(content: Manifest, tree: Path, owner: Owner) -> None:
    """Give the directories of a whole tree, and its top, their owner, mode and mtime."""
    trees.finish_directories(content, tree)
    if os.geteuid() == 0:
        os.lchown(tree, owner.uid, owner.gid)
    tree.chmod(0o755)


def faults(content: Manifest, tree: Path, porter: Porter) -> list[Difference]:
    """Read every file of a tree, and give each way in which it departs from its manifest."""
    read, total = 0, content.bytes

    def hashed(entry: Entry) -> bool:
        nonlocal read
        porter.stop.check()
        read += entry.size
        porter.advance(read, total, "bytes")
        return True

    return list(manifest.differences(content, tree, hashed))


def take_out(found: Sequence[Difference], content: Manifest, tree: Path, porter: Porter) -> list[Entry]:
    """Remove from a half-made tree what is not as it should be; give what is to be fetched instead."""
    open_up(tree)
    shown = "; ".join(map(str, found[:_SHOWN]))
    porter.sink(Event("warning", f"{len(found)} path(s) are not as they should be: {shown}. They are fetched again."))
    wanted = []
    for item in found:
        expected = content.by_path.get(item.path)
        if expected is None or expected.type != "d":
            _remove(tree / item.path)
            wanted += [expected] if expected else []
    return wanted
