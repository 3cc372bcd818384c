"""What a file holds, in one word: digests of its content and of its extended attributes."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator

from blake3 import blake3

NONE = "-"
_WHOLE = 8 * 1024 * 1024  # bytes; larger files are shown through a memory map
_PIECE = 1024 * 1024
# Labels such as security.selinux differ between filesystems by design and are no part of a version.
_KEPT = ("user.", "system.posix_acl_", "security.capability")

Look = Callable[[str, "bytes | mmap.mmap"], None]


def digest(descriptor: int, size: int, path: str = "", look: Look | None = None) -> str:
    """BLAKE3 of a file's content in hex; `look` is shown the content, of files that nobody else can write alone.

    Of a file that grows meanwhile no more than its `size` and one byte is read: its owner could go on for ever.
    """
    if look is not None:
        return _shown(descriptor, size, path, look)
    found = blake3()
    for piece in _pieces(descriptor, size):
        found.update(piece)
    return found.hexdigest()


def _pieces(descriptor: int, size: int) -> Iterator[bytes]:
    # Never by a memory map: an owner who shortens the file would kill the reader (SIGBUS).
    left = size + 1
    while left > 0 and (piece := os.read(descriptor, min(left, _PIECE))):
        yield piece
        left -= len(piece)


def _shown(descriptor: int, size: int, path: str, look: Look) -> str:
    if size <= _WHOLE:
        content = b"".join(_pieces(descriptor, size))
        look(path, content)
        return blake3(content).hexdigest()
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
        look(path, mapped)
        return blake3(mapped).hexdigest()


def attributes(file: int | str) -> str:
    """Digest the extended attributes and ACLs that packages may carry, “-” for none; a symlink is not followed."""
    kept = attribute_names(file)
    if not kept:
        return NONE
    found = blake3()
    for name in kept:
        found.update(name.encode() + b"\0" + attribute(file, name) + b"\0")
    return found.hexdigest(16)


def attribute_names(file: int | str) -> list[str]:
    """Name the attributes of a file, by its descriptor or path, that a version keeps."""
    found = os.listxattr(file, follow_symlinks=isinstance(file, int))
    return sorted(name for name in found if name.startswith(_KEPT))


def attribute(file: int | str, name: str) -> bytes:
    """Read one attribute of a file; a symlink is not followed."""
    return os.getxattr(file, name, follow_symlinks=isinstance(file, int))
