"""Compiled modules: made last of all, or taken from an earlier version that has them of the same source (ADR 30).

What a package brought or a guest made in a `__pycache__` does not stay: the machine's own Python compiles. That is why
a later version may take it over, which saves it most of the time that an installation takes. All this is for trees in
which nobody is at work, and goes by descriptors: guests have left what they wanted where they could.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stacks.engine import contents, emptying, manifest, transfer, trees, walking
from stacks.engine.errors import Failed, Unreadable
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.trees import Tree
from stacks.engine.walking import Found

CACHE = "__pycache__"


class Compiled(NamedTuple):
    """A compiled file of an earlier version; it belongs to the same path in every tree."""

    tree: Path
    entry: Entry


@dataclass
class Sources:
    """The modules of a directory: those to compile, by their paths below it, and the compiled files of others."""

    new: list[str] = field(default_factory=list)
    known: list[Compiled] = field(default_factory=list)


def clear(tree: Path, environment: str) -> None:
    """Remove every `__pycache__` of an environment of a tree; raises Unreadable where a symlink stands in the way."""
    with _held(tree, environment) as place:
        for path in [found.path for found in walking.walk(place, apart=()) if found.entry.name == CACHE]:
            if CACHE in PurePosixPath(path).parent.parts:
                continue  # gone with what it lay in
            if stat.S_ISDIR((place / path).lstat().st_mode):
                emptying.remove(place / path)
            else:
                (place / path).unlink()


def look(tree: Path, library: str, tag: str, earlier: Sequence[Tree]) -> Sources:
    """Find the modules below a directory of a tree, and what trees with the same directory have compiled of them.

    A module is known when one has it at the same path, with the same content, mode, size and mtime, which is what the
    compiled file names, and that file, of the interpreters with this `tag`, can be linked. Raises Unreadable.
    """
    sources = Sources()
    device = tree.stat().st_dev
    holders = [_Holder(one, tag) for one in earlier if one.path.stat().st_dev == device]
    with _held(tree, library) as place:
        for found in _modules(place):
            if compiled := _known(found, f"{library}/{found.path}", holders):
                sources.known.append(compiled)
            else:
                sources.new.append(found.path)
    return sources


@contextmanager
def _held(tree: Path, directory: str) -> Iterator[Path]:
    """Give a path that leads to a directory of a tree and nowhere else, whatever is a symlink on the way."""
    above, name = os.path.split(directory)
    try:
        descriptor = walking.open_directory_beneath(tree, Path(above))
    except OSError as error:
        raise walking.unreadable(tree, directory, error) from None
    try:
        yield Path(f"/proc/self/fd/{descriptor}", name)
    except OSError as error:
        raise walking.unreadable(tree, directory, error) from None
    except Unreadable as error:
        shown = str(error).replace(f"/proc/self/fd/{descriptor}", str(tree / above))
        raise Unreadable(shown, number=error.number) from None
    finally:
        os.close(descriptor)


def _modules(place: Path) -> Iterator[Found]:
    for found in walking.walk(place, apart=()):
        # What is compiled of “.py” would have the same name as what is compiled of “py.py”.
        is_module = found.entry.name.endswith(".py") and found.entry.name != ".py"
        if is_module and (found.entry.is_file(follow_symlinks=False) or found.entry.is_symlink()):
            yield found


class _Holder:
    """A tree with its compiled files by the paths of their modules."""

    def __init__(self, tree: Tree, tag: str) -> None:
        self.path, self.entries = tree.path, tree.manifest.by_path
        self.compiled = {module: entry for entry in tree.manifest.entries if (module := _module_of(entry, tag))}


def _module_of(entry: Entry, tag: str) -> str:
    directory, _, name = entry.path.rpartition(f"/{CACHE}/")
    ending = f".{tag}.pyc"
    return f"{directory}/{name.removesuffix(ending)}.py" if entry.type == "f" and name.endswith(ending) else ""


def _known(found: Found, path: str, holders: Sequence[_Holder]) -> Compiled | None:
    digest = ""
    for holder in holders:
        source, compiled = holder.entries.get(path), holder.compiled.get(path)
        if source is None or compiled is None or not _is_alike(found, source):
            continue
        digest = digest or _digest(found)
        if digest == source.digest and _agrees(holder.path, compiled):
            return Compiled(holder.path, compiled)
    return None


def _is_alike(found: Found, source: Entry) -> bool:
    status = found.status()
    expected = (stat.S_IFREG | source.mode, source.size, source.mtime_ns)
    return source.type == "f" and (status.st_mode, status.st_size, status.st_mtime_ns) == expected


def _digest(found: Found) -> str:
    descriptor = found.open()
    try:
        return contents.digest(descriptor, found.status().st_size)
    finally:
        os.close(descriptor)


def _agrees(tree: Path, entry: Entry) -> bool:
    with suppress(OSError):
        return manifest.agrees(entry, os.lstat(tree / entry.path))
    return False


def take(tree: Path, known: Iterable[Compiled]) -> None:
    """Link compiled files into a tree, or copy those of which no more links can be made.

    Where this user may not write nothing is taken, and Python compiles at each import. Raises OSError, Unreadable.
    """
    for directory, files in groupby(known, lambda one: os.path.dirname(one.entry.path)):
        with suppress(PermissionError), _made(tree, Path(directory).parent) as place:
            for compiled in files:
                if not trees.link_equal(compiled.tree, compiled.entry, place / os.path.basename(compiled.entry.path)):
                    list(transfer.copy(compiled.tree, tree, [compiled.entry]))


@contextmanager
def _made(tree: Path, directory: Path) -> Iterator[Path]:
    """Give a path that leads to the `__pycache__` of a directory and nowhere else; it is made if need be."""
    with ExitStack() as opened:
        above = walking.open_directory_beneath(tree, directory)
        opened.callback(os.close, above)
        is_new = CACHE not in os.listdir(above)
        if is_new:
            os.mkdir(CACHE, 0o755, dir_fd=above)
        made = os.open(CACHE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        opened.callback(os.close, made)
        if is_new:
            _give(made, os.fstat(above))
        yield Path(f"/proc/self/fd/{made}")


def _give(directory: int, above: os.stat_result) -> None:
    """Have a directory belong to whoever has the one above."""
    if (above.st_uid, above.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(directory, above.st_uid, above.st_gid)
    os.fchmod(directory, 0o755)


def check(content: Manifest, known: Iterable[Compiled]) -> None:
    """Raise Failed where a tree holds something else of what was taken than the version that had it was sealed with."""
    for tree, entry in known:
        found = content.by_path.get(entry.path)
        if found and found.digest != entry.digest:
            raise Failed(
                f"{entry.path}, taken from {tree}, is not what that was sealed with: the disk or somebody changed it. "
                "Verify that version in full; nothing was sealed."
            )
