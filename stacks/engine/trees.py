"""Copying whole trees: what an equal tree already holds is hard-linked, the rest is copied (design §6)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from stacks.engine import contents, durable, emptying, keeping, manifest, owner, reserve, transfer
from stacks.engine.errors import Failed, Refused, VerifyFailed
from stacks.engine.events import Event, Sink
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.stop import Stop


def rsync() -> list[str]:
    """Spell the beginning of every copy: all that a tree has is kept, owners too where this process may give files."""
    # Nanoseconds count: by default rsync leaves a directory's mtime alone that is right to the second. And it takes
    # nobody but root for able to give files away, whatever capabilities a worker has.
    rights = ["--super"] if owner.may_give_files() else []
    return ["rsync", "-aHAXS", "--numeric-ids", "--modify-window=-1", "--from0", *rights]


@dataclass(frozen=True)
class Tree:
    """A directory with the manifest that describes it."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True)
class Cloned:
    """What a clone did: paths hard-linked, with their inode numbers, paths copied and their bytes."""

    linked: Mapping[str, int]
    copied: frozenset[str]
    copied_bytes: int


@dataclass(frozen=True)
class Porter:
    """How copying reports and is stopped; `lock_fds` are inherited by programs."""

    sink: Sink
    stop: Stop
    lock_fds: tuple[int, ...] = ()
    advance: Callable[[int, int, str], None] = lambda *_: None


def clone(source: Tree, destination: Path, reuse: Sequence[Tree], porter: Porter) -> Cloned:
    """Make `destination`, which must not exist, an exact copy of `source`.

    A file that a tree of `reuse` (all on the destination's filesystem) holds with the same digest, mode, owner and
    mtime, and whose lstat still agrees with its manifest, is hard-linked; the rest is copied. What another owner
    works in is not copied like this, but by `foreign`. Raises Refused when the destination exists, Unreadable for what
    cannot be read of the source, OSError; a half-made destination is left to the caller.
    """
    _make_top(source.path, destination)
    _make_directories(source.manifest, destination)
    rest, linked = link(source.manifest, destination, held(source.manifest, reuse), porter)
    _copy(source.path, destination, rest, porter)
    finish_directories(source.manifest, destination, source.path)
    files = [entry for entry in rest if entry.type == "f"]
    return Cloned(linked, frozenset(entry.path for entry in files), sum(entry.size for entry in files))


def _make_top(source: Path, destination: Path) -> None:
    status = source.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise Refused(f"{source} is not a directory: there is nothing to copy.")
    try:
        os.mkdir(destination, 0o700)
    except FileExistsError:
        raise Refused(f"{destination} is there already: it is never written over.") from None
    _own(destination, status.st_uid, status.st_gid)
    os.chmod(destination, stat.S_IMODE(status.st_mode))


def _make_directories(content: Manifest, destination: Path) -> None:
    for entry in content.entries:
        if entry.type == "d":
            os.mkdir(f"{destination}/{entry.path}", 0o700)


def finish_directories(content: Manifest, destination: Path, source: Path | None = None) -> None:
    """Give the directories of a copy, which nobody else can reach, their owner, mode and mtime.

    From a `source` they get their attributes and ACLs, too.
    """
    # Last, and deepest first: linking and copying changes a directory's mtime, and a closed mode would be in the way.
    for entry in reversed(content.entries):
        if entry.type != "d":
            continue
        path = f"{destination}/{entry.path}"
        # The source may have held a symlink by the time it was copied: never act on what that leads to.
        if stat.S_ISDIR(os.lstat(path).st_mode):
            _own(path, entry.uid, entry.gid)
            if source and entry.attributes != contents.NONE:
                transfer.copy_attributes(source, destination, entry.path)
            os.chmod(path, entry.mode)
            os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))


def _own(path: Path | str, uid: int, gid: int) -> None:
    status = os.lstat(path)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.lchown(path, uid, gid)


Held = dict[str, tuple[Path, Entry]]


def held(content: Manifest, reuse: Sequence[Tree]) -> Held:
    """Find for each file of `content`, by path, the tree of `reuse` that holds an equal one, and that one's entry."""
    about = (content, *(tree.manifest for tree in reuse))
    name = "\0".join(str(tree.path) for tree in reuse)
    return keeping.once(name, about, lambda: _held(content, reuse))


def _held(content: Manifest, reuse: Sequence[Tree]) -> Held:
    found: Held = {}
    rest: list[Entry] = [entry for entry in content.entries if entry.type == "f"]
    for tree in reuse:  # nearly all files lie where they lay: to compare them there is the quickest
        there, left = tree.manifest.by_path, []
        for entry in rest:
            if there.get(entry.path) == entry:
                found[entry.path] = tree.path, entry
            else:
                left.append(entry)
        rest = left
    elsewhere = _by_identity({entry.digest for entry in rest}, reuse) if rest else {}
    return found | {entry.path: elsewhere[entry.identity] for entry in rest if entry.identity in elsewhere}


def _by_identity(digests: set[str], reuse: Sequence[Tree]) -> dict[object, tuple[Path, Entry]]:
    return {
        entry.identity: (tree.path, entry)
        for tree in reuse
        for entry in tree.manifest.entries
        if entry.digest in digests and entry.type == "f"
    }


def link(content: Manifest, destination: Path, equal: Held, porter: Porter) -> tuple[list[Entry], dict[str, int]]:
    """Hard-link into `destination` what is `held`; give what is left to copy, and the inode of each path linked."""
    rest: list[Entry] = []
    linked: dict[str, int] = {}
    for number, entry in enumerate(content.entries):
        if number % 2000 == 0:
            porter.stop.check()
            porter.advance(number, len(content.entries), "paths")
        if entry.type == "d":
            continue
        found = equal.get(entry.path)
        if found and (inode := link_equal(found[0], found[1], f"{destination}/{entry.path}")):
            linked[entry.path] = inode
        else:
            rest.append(entry)
    return rest, linked


def link_equal(tree: Path, entry: Entry, place: Path | str) -> int:
    """Hard-link a file of a tree to `place` if its lstat agrees with its manifest; give its inode, 0 if it does not."""
    file = f"{tree}/{entry.path}"  # for a hundred thousand files, to join Paths takes longer than to link
    try:
        status = os.lstat(file)
        if not manifest.agrees(entry, status):
            return 0
        os.link(file, place, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EMLINK, errno.EXDEV, errno.EPERM):
            return 0  # gone meanwhile, too many links, another filesystem, or not ours: it is copied
        raise
    return status.st_ino


def _copy(source: Path, destination: Path, rest: list[Entry], porter: Porter) -> None:
    if not rest:
        return
    size, done = sum(entry.size for entry in rest), 0
    porter.sink(Event("note", f"Copying {len(rest)} paths, {size / 1e6:.1f} MB."))
    for number, entry in enumerate(transfer.copy(source, destination, rest)):
        done += entry.size
        porter.stop.check()
        if number % 500 == 0:
            porter.advance(done, size, "bytes")


def verify(
    tree: Tree,
    hashed: Callable[[Entry], bool],
    *,
    apart: Collection[str] = (),
    linked: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Raise VerifyFailed unless the tree agrees with its manifest; content is read where `hashed` says so.

    What a clone has just `linked` is only looked for under its name: it was compared when it was linked.
    """
    found = list(manifest.differences(tree.manifest, tree.path, hashed, apart=apart, linked=linked))
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise VerifyFailed(f"{tree.path} does not agree with its manifest: {'; '.join(map(str, found[:3]))}{more}.")


def discard(tree: Path, trash: Path) -> str:
    """Delete a directory: rename it into `trash`, on the same filesystem, and remove it there.

    A killed removal leaves it in the trash, never half a tree in its place; what cannot be removed there is no error:
    gives a sentence about it, "" for none. Nothing happens when `tree` is not there; raises Refused when it is a
    symlink or no directory, Failed when it lies on another filesystem.
    """
    try:
        status = tree.lstat()
    except FileNotFoundError:
        return ""
    if not stat.S_ISDIR(status.st_mode):
        raise Refused(f"{tree} is not a directory: it was left alone.")
    aside = durable.temporary_name(_made(trash, tree) / tree.name)
    try:
        os.rename(tree, aside)
    except OSError as error:
        raise Failed(f"{tree} could not be moved to {trash}: {error.strerror}. It was left alone.") from error
    return _removed(aside)


def _made(trash: Path, tree: Path) -> Path:
    """Make the trash; on a filesystem without an inode left for it the tree's own directory has to do."""
    try:
        for place in (trash.parent, trash):  # one by one: parents that mkdir makes itself are open to others
            reserve.insist(trash.parent, partial(place.mkdir, mode=0o700, exist_ok=True))
    except OSError as error:
        if error.errno not in reserve.FULL:
            raise
        return tree.parent
    return trash


def _removed(aside: Path) -> str:
    try:
        emptying.remove(aside)
    except OSError as error:
        return f"{aside} could not be removed: {error.strerror}. The next operation tries again."
    return ""


def empty(trash: Path) -> list[str]:
    """Remove what earlier, killed removals left in a trash directory; gives a sentence for each that stays."""
    if trash.is_symlink() or not trash.is_dir():
        return []
    said = []
    for path in trash.iterdir():
        if path.is_dir() and not path.is_symlink():
            said += [found] if (found := _removed(path)) else []
        else:
            path.unlink(missing_ok=True)
    return said
