"""What a tree holds: every path with type, mode, owner, size, mtime and digest (design §6)."""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from stacks.engine import contents, durable, keeping, walking
from stacks.engine.contents import Look
from stacks.engine.errors import Failed
from stacks.engine.layout import IDENTITY
from stacks.engine.walking import Found

Type = Literal["f", "d", "l", "p", "s"]  # file, directory, symlink, named pipe, socket
_NO_DIGEST = contents.NONE


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
    # Decoded in one go: a stack has hundreds of thousands of paths. Few modes and owners are among them.
    pieces = iter(os.fsdecode(data).split("\0"))
    number, octal, made = cache(int), cache(partial(int, base=8)), tuple.__new__
    for fields, path, target in zip(pieces, pieces, pieces, strict=False):
        kind, mode, uid, gid, size, mtime_ns, digest, attributes = fields.split(" ")
        status = (octal(mode), number(uid), number(gid), int(size), int(mtime_ns))
        yield made(Entry, (path, kind, *status, digest, target, attributes))


# Manifests in use, by the file that they are stored in: reading one of 40,000 paths again takes a quarter of a second.
_in_use: weakref.WeakValueDictionary[tuple[int, ...], Manifest] = weakref.WeakValueDictionary()


def write(manifest: Manifest, path: Path) -> None:
    """Store a manifest, compressed."""
    durable.write_bytes(path, zlib.compress(manifest.data, 1))
    _in_use[durable.mark_of(path)] = manifest


def read(path: Path) -> Manifest:
    """Read a stored manifest, or give the one in use that it holds; raise Failed when it is damaged."""
    key = durable.mark_of(path)
    found = _in_use.get(key)
    if found is None:
        _in_use[key] = found = _read(path)
    keeping.keep(found)
    return found


def _read(path: Path) -> Manifest:
    try:
        return Manifest(tuple(_decode(zlib.decompress(path.read_bytes()))))
    except (zlib.error, ValueError) as error:
        raise Failed(
            f"The manifest {path} is damaged ({error}): rebuild this version or restore it from a copy."
        ) from None


def scan(tree: Path, *, apart: Collection[str] = (IDENTITY,), look: Look | None = None) -> Manifest:
    """Read a tree but for the top names `apart`; `look` is shown each file's content while it is at hand.

    Raises Failed for devices, Unreadable for what cannot be read or is being changed.
    """
    return Manifest(tuple(sorted(_entry(found, tree, look) for found in walking.walk(tree, apart=apart))))


def part(tree: Path, below: Path) -> list[Entry]:
    """Read one directory of a tree: its own entry first, and those of all that it holds."""
    place = tree / below
    top = describe(str(below), place.lstat())._replace(attributes=contents.attributes(str(place)))
    inner = scan(place, apart=()).entries
    return [top, *(entry._replace(path=f"{below}/{entry.path}") for entry in inner)]


def _entry(found: Found, tree: Path, look: Look | None) -> Entry:
    try:
        entry = _described(found)
        digest, attributes = _content(found, entry, look)
        return entry._replace(digest=digest, attributes=attributes)
    except OSError as error:
        raise walking.unreadable(tree, found.path, error) from None


def _described(found: Found) -> Entry:
    status = found.status()
    return describe(found.path, status, found.target() if stat.S_ISLNK(status.st_mode) else "")


def _content(found: Found, entry: Entry, look: Look | None = None) -> tuple[str, str]:
    """Read what lstat does not tell of a path: the digest of a file, and the attributes."""
    if entry.type == "l":  # it can have none that is kept
        return _NO_DIGEST, contents.NONE
    if entry.type != "f":
        return _NO_DIGEST, contents.attributes(found.through)
    descriptor = found.open()
    try:
        return contents.digest(descriptor, entry.size, entry.path, look), contents.attributes(descriptor)
    finally:
        os.close(descriptor)


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


class Difference(NamedTuple):
    """One way in which a tree departs from its manifest: `kind` is added, removed or changed."""

    path: str
    kind: Literal["added", "removed", "changed"]
    detail: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.path}: {self.detail}" if self.kind == "changed" else f"{self.path} {self.detail}"


def differences(
    manifest: Manifest,
    tree: Path,
    hashed: Callable[[Entry], bool],
    *,
    apart: Collection[str] = (),
    linked: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Difference]:
    """Give each way in which a tree departs from its manifest; content is compared where `hashed` says so.

    What lies in the top directories `apart` is passed over. What cannot be read has changed; of what lies below a
    directory that cannot be read nothing is said. A file that is the inode which it is `linked` to is as it should be.
    """
    left = {path: entry for path, entry in manifest.by_path.items() if top(path) not in apart}
    closed: dict[str, str] = {}
    for found in walking.walk(
        tree, apart=(IDENTITY, *apart), on_error=lambda path, error: closed.update({path: _why(error)})
    ):
        expected = left.pop(found.path, None)
        if expected is None:
            yield Difference(found.path, "added", "is not part of the version")
        elif linked.get(found.path) == found.inode:
            continue
        elif detail := _difference(expected, found, hashed):
            yield Difference(found.path, "changed", detail)
    yield from (Difference(path or ".", "changed", detail) for path, detail in closed.items())
    for path in left:
        if not any(path.startswith(f"{place}/") or not place for place in closed):
            yield Difference(path, "removed", "is missing")


def _why(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


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


def agrees(entry: Entry, status: os.stat_result) -> bool:
    """Tell whether lstat says of a path what the entry of a file says."""
    found = (status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns)
    is_alike = found == (entry.uid, entry.gid, entry.size, entry.mtime_ns)
    return is_alike and status.st_mode == stat.S_IFREG | entry.mode


_DESCRIBED = Entry._fields.index("digest")  # lstat tells of the fields before, and of the target


def _difference(expected: Entry, found: Found, hashed: Callable[[Entry], bool]) -> str:
    try:
        actual = expected if expected.type == "f" and agrees(expected, found.status()) else _described(found)
        if actual[:_DESCRIBED] != expected[:_DESCRIBED] or actual.target != expected.target:
            seen = actual._replace(digest=expected.digest, attributes=expected.attributes)
            fields = [name for name, a, b in zip(Entry._fields, seen, expected, strict=True) if a != b]
            return f"{', '.join(fields)} differ from the manifest"
        if expected.type == "f" and hashed(expected):
            digest, attributes = _content(found, expected)
            if digest != expected.digest:
                return "the content differs from the manifest"
            if attributes != expected.attributes:
                return "the extended attributes differ from the manifest"
    except OSError as error:
        return _why(error)
    return ""
