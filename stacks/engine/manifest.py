"""What a tree holds: every path with type, mode, owner, size, mtime and digest (design §6)."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
import weakref
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, cast

from blake3 import blake3

from stacks.engine import durable
from stacks.engine.errors import Failed
from stacks.engine.layout import IDENTITY

Type = Literal["f", "d", "l", "p", "s"]  # file, directory, symlink, named pipe, socket
_WHOLE = 8 * 1024 * 1024  # bytes; larger files are hashed through a memory map
_NO_DIGEST = "-"
Look = Callable[[str, "bytes | mmap.mmap"], None]


class Entry(NamedTuple):
    """One path of a tree, relative to it; `mode` without the type, `digest` BLAKE3 in hex, “-” for what has none.

    `attributes` is a digest of the extended attributes and ACLs that packages may carry, “-” for none.
    """

    path: str
    type: Type
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    digest: str = _NO_DIGEST
    target: str = ""
    attributes: str = _NO_DIGEST

    @property
    def identity(self) -> tuple[str, int, int, int, int, str]:
        """What two files share that may be one inode: digest, mode, owner, mtime and attributes."""
        return (self.digest, self.mode, self.uid, self.gid, self.mtime_ns, self.attributes)


@dataclass(frozen=True)
class Manifest:
    """The entries of one tree, sorted by path; the tree's own directory and identity file are not among them."""

    entries: tuple[Entry, ...]

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """The entries by path."""
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def data(self) -> bytes:
        """The manifest as it is stored: per entry its fields, path and target, each ended by a zero byte.

        Bytes, because a path may hold any but zero; one form only, because the digest is taken over it.
        """
        return b"".join(map(_encode, self.entries))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `data` in hex: what a tree's identity file names."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def files(self) -> int:
        """How many files."""
        return sum(entry.type == "f" for entry in self.entries)

    @property
    def bytes(self) -> int:
        """The size of all files, in bytes, each path counted."""
        return sum(entry.size for entry in self.entries if entry.type == "f")


def _encode(entry: Entry) -> bytes:
    path, kind, mode, uid, gid, size, mtime_ns, digest, target, attributes = entry
    fields = f"{kind} {mode:o} {uid} {gid} {size} {mtime_ns} {digest} {attributes}"
    return b"\0".join((fields.encode(), os.fsencode(path), os.fsencode(target), b""))


def _decode(data: bytes) -> Iterator[Entry]:
    # Decoded in one go: a stack has hundreds of thousands of paths.
    pieces = iter(os.fsdecode(data).split("\0"))
    for fields, path, target in zip(pieces, pieces, pieces, strict=False):
        kind, mode, uid, gid, size, mtime_ns, digest, attributes = fields.split(" ")
        status = (int(mode, 8), int(uid), int(gid), int(size), int(mtime_ns))
        yield Entry(path, cast("Type", kind), *status, digest, target, attributes)


# Manifests in use, by the file that they are stored in: reading one of 40,000 paths again takes a quarter of a second.
_in_use: weakref.WeakValueDictionary[tuple[int, ...], Manifest] = weakref.WeakValueDictionary()


def write(manifest: Manifest, path: Path) -> None:
    """Store a manifest, compressed."""
    durable.write_bytes(path, zlib.compress(manifest.data, 1))
    _in_use[_key(path)] = manifest


def read(path: Path) -> Manifest:
    """Read a stored manifest, or give the one in use that it holds; raise Failed when it is damaged."""
    key = _key(path)
    found = _in_use.get(key)
    if found is None:
        _in_use[key] = found = _read(path)
    return found


def _key(path: Path) -> tuple[int, ...]:
    """Tell a stored manifest from any other: it is never written in place, and keeps its inode when it is renamed."""
    status = path.lstat()
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def _read(path: Path) -> Manifest:
    try:
        return Manifest(tuple(_decode(zlib.decompress(path.read_bytes()))))
    except (zlib.error, ValueError) as error:
        raise Failed(
            f"The manifest {path} is damaged ({error}): rebuild this version or restore it from a copy."
        ) from None


def walk(tree: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Give every path below a tree, parents first, without following a symlink; unreadable places raise OSError."""
    pending = [("", str(tree))]
    while pending:
        prefix, directory = pending.pop()
        with os.scandir(directory) as found:
            for entry in sorted(found, key=lambda item: item.name):
                path = prefix + entry.name
                if path == IDENTITY:
                    continue
                yield path, entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append((path + "/", entry.path))


def scan(tree: Path, *, look: Look | None = None) -> Manifest:
    """Read a whole tree; `look` is shown each file's content while it is at hand. Raises Failed for devices."""
    entries = [_entry(path, found, look) for path, found in walk(tree)]
    return Manifest(tuple(sorted(entries)))


def _entry(path: str, found: os.DirEntry[str], look: Look | None) -> Entry:
    status = found.stat(follow_symlinks=False)
    entry = describe(path, status, os.readlink(found.path) if stat.S_ISLNK(status.st_mode) else "")
    attributes = _attributes(found.path)
    if entry.type != "f":
        return entry._replace(attributes=attributes)
    return entry._replace(digest=hash_file(found.path, status.st_size, path, look), attributes=attributes)


def describe(path: str, status: os.stat_result, target: str = "") -> Entry:
    """Make the entry of one path from its lstat, without a digest."""
    mode = status.st_mode
    size = status.st_size if stat.S_ISREG(mode) else 0
    # A directory's size depends on its filesystem, and not every rsync gives links and pipes their mtime back.
    mtime_ns = status.st_mtime_ns if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else 0
    return Entry(
        path, _type(path, mode), stat.S_IMODE(mode), status.st_uid, status.st_gid, size, mtime_ns, _NO_DIGEST, target
    )


def _type(path: str, mode: int) -> Type:
    for test, name in _TYPES:
        if test(mode):
            return name
    raise Failed(f"{path} is a device: a version never holds one. Remove it and build again.")


_TYPES: tuple[tuple[Callable[[int], bool], Type], ...] = (
    (stat.S_ISREG, "f"),
    (stat.S_ISDIR, "d"),
    (stat.S_ISLNK, "l"),
    (stat.S_ISFIFO, "p"),
    (stat.S_ISSOCK, "s"),
)


def hash_file(file: str, size: int, path: str = "", look: Look | None = None) -> str:
    """BLAKE3 of a file's content in hex."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if size > _WHOLE:
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
                return _digest(content, path, look)
        with open(descriptor, "rb", buffering=0, closefd=False) as opened:
            return _digest(opened.read(), path, look)
    finally:
        os.close(descriptor)


def _digest(content: bytes | mmap.mmap, path: str, look: Look | None) -> str:
    if look is not None:
        look(path, content)
    return blake3(content).hexdigest()


def attribute_names(file: str | int) -> list[str]:
    """Name the attributes of a file, by its path or descriptor, that a version keeps."""
    found = os.listxattr(file, follow_symlinks=isinstance(file, int))
    return sorted(name for name in found if name.startswith(_KEPT))


def _attributes(file: str) -> str:
    names = attribute_names(file)
    if not names:
        return _NO_DIGEST
    digest = blake3()
    for name in names:
        digest.update(name.encode() + b"\0" + os.getxattr(file, name, follow_symlinks=False) + b"\0")
    return digest.hexdigest(16)


# Labels such as security.selinux differ between filesystems by design and are no part of a version.
_KEPT = ("user.", "system.posix_acl_", "security.capability")


class Difference(NamedTuple):
    """One way in which a tree departs from its manifest: `kind` is added, removed or changed."""

    path: str
    kind: Literal["added", "removed", "changed"]
    detail: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.path}: {self.detail}" if self.kind == "changed" else f"{self.path} {self.detail}"


def differences(
    manifest: Manifest, tree: Path, hashed: Callable[[Entry], bool], *, apart: Collection[str] = ()
) -> Iterator[Difference]:
    """Give each way in which a tree departs from its manifest; content is compared where `hashed` says so.

    What lies in the top directories `apart` is passed over.
    """
    left = {path: entry for path, entry in manifest.by_path.items() if top(path) not in apart}
    for path, found in walk(tree):
        expected = left.pop(path, None)
        if top(path) in apart:
            continue
        if expected is None:
            yield Difference(path, "added", "is not part of the version")
        elif detail := _difference(expected, found, hashed):
            yield Difference(path, "changed", detail)
    for path in left:
        yield Difference(path, "removed", "is missing")


def between(before: Manifest, after: Manifest) -> list[Difference]:
    """Give each way in which one manifest departs from another, by path; a directory's times do not count."""
    old, new = before.by_path, after.by_path
    found = [Difference(path, "added", "is new") for path in new.keys() - old.keys()]
    found += [Difference(path, "removed", "is gone") for path in old.keys() - new.keys()]
    for path in old.keys() & new.keys():
        one, other = old[path], new[path]
        fields = [name for name in Entry._fields if getattr(one, name) != getattr(other, name)]
        if fields and not (one.type == other.type == "d" and fields == ["mtime_ns"]):
            found.append(Difference(path, "changed", f"{', '.join(fields)} differ"))
    return sorted(found)


def top(path: str) -> str:
    """Name the top directory of a tree that a path lies in."""
    return path.split("/", 1)[0]


def _difference(expected: Entry, found: os.DirEntry[str], hashed: Callable[[Entry], bool]) -> str:
    status = found.stat(follow_symlinks=False)
    target = os.readlink(found.path) if stat.S_ISLNK(status.st_mode) else ""
    actual = describe(expected.path, status, target)._replace(digest=expected.digest, attributes=expected.attributes)
    if actual != expected:
        fields = [name for name, a, b in zip(Entry._fields, actual, expected, strict=True) if a != b]
        return f"{', '.join(fields)} differ from the manifest"
    if expected.type == "f" and hashed(expected):
        if hash_file(found.path, expected.size) != expected.digest:
            return "the content differs from the manifest"
        if _attributes(found.path) != expected.attributes:
            return "the extended attributes differ from the manifest"
    return ""
