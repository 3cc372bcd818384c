"""Whether work fits before it begins: what it needs, and a tenth more, against what is free, in bytes and in inodes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from stacks.engine import manifest, trees
from stacks.engine.errors import NoRoom
from stacks.engine.manifest import Manifest
from stacks.engine.mounts import Room
from stacks.engine.trees import Tree

MARGIN = 1.1
SPARE = 64 * 1024 * 1024  # bytes that stay free, on small filesystems less
SPARE_FILES = 16  # inodes that stay free
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Need:
    """What work would add to a filesystem: `bytes` and `inodes`."""

    bytes: int
    inodes: int

    def __add__(self, other: Need) -> Need:
        """Add what other work needs on the same filesystem."""
        return Need(self.bytes + other.bytes, self.inodes + other.inodes)


NOTHING = Need(0, 0)


def spare(room: Room, most: int = SPARE) -> int:
    """Say how many bytes of a filesystem stay free: `most`, or of a small one a sixteenth."""
    return min(most, room.bytes_total // 16)


def of_copy(
    content: Manifest, reuse: Sequence[Tree] = (), *, apart: Collection[str] = (), on_disk: bool = False
) -> Need:
    """Estimate what a copy adds by the manifests alone: bytes of what a tree of `reuse` holds are shared.

    What lies in the top directories `apart` is copied in any case.
    """
    known = trees.held(content, reuse)
    new = [
        entry for entry in content.entries if entry.path not in known or (apart and manifest.top(entry.path) in apart)
    ]
    directories = sum(entry.type == "d" for entry in new)
    # A tmpfs takes an inode for each name, hard links too, and no block for a directory.
    size = sum(-(-entry.size // _BLOCK) * _BLOCK for entry in new) + on_disk * directories * _BLOCK
    return Need(size, len(new) if on_disk else len(content.entries))


def check(
    need: Need, found: Room, *, what: str, where: str, more_bytes: str, more_inodes: str, most: int = SPARE
) -> None:
    """Raise NoRoom, with numbers, unless `need` fits into the room that was `found`.

    `what` needs it, `where` names the filesystem, `more_…` say what to do where bytes or inodes are lacking; `most` of
    the bytes are kept in reserve.
    """
    kept, wanted = spare(found, most), int(need.bytes * MARGIN)
    if need.bytes and wanted + kept > found.bytes_free:
        raise NoRoom(
            f"{what} needs about {_megabytes(wanted)} on {where}, which has {_megabytes(found.bytes_free)} free "
            f"({_megabytes(kept)} stay in reserve): {more_bytes}."
        )
    inodes = int(need.inodes * MARGIN)
    if found.files_free is not None and need.inodes and inodes + SPARE_FILES > found.files_free:
        raise NoRoom(
            f"{what} needs about {inodes:,} inodes on {where}, which has {found.files_free:,} free "
            f"({SPARE_FILES} stay in reserve): {more_inodes}."
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 10e6 else f"{size / 1e6:,.1f} MB"
