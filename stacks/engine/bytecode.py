"""Compiled modules: made last of all, or taken from an earlier version that has them of the same source (ADR 30).

Nothing that a package brought or a guest made stays: what a version holds is compiled by the machine's own Python. That
is why a later version may take it over, which saves it most of the time that an installation takes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from stacks.engine import contents, emptying, manifest, trees, walking
from stacks.engine.manifest import Entry
from stacks.engine.trees import Tree
from stacks.engine.walking import Found

CACHE = "__pycache__"


@dataclass
class Sources:
    """Modules below a directory, by their paths: those to compile, and for others the file of a tree to take."""

    new: list[str] = field(default_factory=list)
    known: dict[str, tuple[Path, Entry]] = field(default_factory=dict)


def clear(library: Path) -> None:
    """Remove all that is compiled below a directory in which nobody is at work; follows no symlink."""
    for path in [found.path for found in walking.walk(library, apart=()) if found.entry.name == CACHE]:
        place = library / path
        if CACHE in PurePosixPath(path).parent.parts:
            continue  # gone with what it lay in
        if stat.S_ISDIR(place.lstat().st_mode):
            emptying.remove(place)
        else:
            place.unlink()


def look(library: Path, inside: str, earlier: Sequence[Tree]) -> Sources:
    """Find the modules of a directory, which has the path `inside` in its tree and in those of `earlier`.

    A module is known when a tree has it at the same path, with the same content, size and mtime, which the compiled
    file names, and that file can be linked from there. Raises Unreadable.
    """
    sources, device = Sources(), library.stat().st_dev
    holders = [_Holder(tree) for tree in earlier if tree.path.stat().st_dev == device]
    for found in _modules(library):
        compiled = _known(library, found, f"{inside}/{found.path}", holders)
        if compiled:
            sources.known[found.path] = compiled
        else:
            sources.new.append(found.path)
    return sources


def _modules(library: Path) -> Iterator[Found]:
    for found in walking.walk(library, apart=()):
        if found.path.endswith(".py") and (found.entry.is_file(follow_symlinks=False) or found.entry.is_symlink()):
            yield found


class _Holder:
    """A tree with its compiled files by the paths of their modules."""

    def __init__(self, tree: Tree) -> None:
        self.path, self.entries = tree.path, tree.manifest.by_path
        self.compiled = {module: entry for entry in tree.manifest.entries if (module := _module_of(entry))}


def _module_of(entry: Entry) -> str:
    directory, is_compiled, name = entry.path.rpartition(f"/{CACHE}/")
    if entry.type != "f" or not is_compiled or not name.endswith(".pyc"):
        return ""
    return f"{directory}/{name.rsplit('.', 2)[0]}.py"


def _known(library: Path, found: Found, path: str, holders: Sequence[_Holder]) -> tuple[Path, Entry] | None:
    digest = ""
    for holder in holders:
        source, compiled = holder.entries.get(path), holder.compiled.get(path)
        if source is None or compiled is None or not _is_alike(found, source):
            continue
        digest = digest or _digest(library, found)
        if digest == source.digest and _agrees(holder.path, compiled):
            return holder.path, compiled
    return None


def _is_alike(found: Found, source: Entry) -> bool:
    status = found.status()
    mode = stat.S_IFREG | source.mode
    return (status.st_mode, status.st_size, status.st_mtime_ns) == (mode, source.size, source.mtime_ns)


def _digest(library: Path, found: Found) -> str:
    try:
        descriptor = found.open()
        try:
            return contents.digest(descriptor, found.status().st_size, found.path, None)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise walking.unreadable(library, found.path, error) from None


def _agrees(tree: Path, entry: Entry) -> bool:
    try:
        return manifest.agrees(entry, os.lstat(tree / entry.path))
    except OSError:
        return False


def take(library: Path, sources: Sources) -> list[str]:
    """Link what is known into a directory in which nobody is at work; gives the modules for which that failed."""
    failed = []
    for path, (tree, compiled) in sources.known.items():
        place = (library / path).parent / CACHE
        if not place.is_dir():
            _make_beside(place)
        if not trees.link_equal(tree, compiled, place / PurePosixPath(compiled.path).name):
            failed.append(path)
    return failed


def _make_beside(place: Path) -> None:
    """Make a directory that whoever has the one above owns."""
    above = place.parent.lstat()
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    if (above.st_uid, above.st_gid) != (os.geteuid(), os.getegid()):
        os.lchown(place, above.st_uid, above.st_gid)
