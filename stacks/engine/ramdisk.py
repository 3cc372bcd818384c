"""The ramdisk: a tmpfs mounted at `sw.tmpfs`, or for the embedded default a private directory in /dev/shm."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from stacks.engine import mounts
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 — a directory of our own in it, checked before use

# DLStack's own directories below its state, outermost first; nobody but its owner reaches a half-made tree.
STATE = (
    *((".", 0o755), ("versions", 0o755), ("locks", 0o755), ("trash", 0o700)),
    *(("build", 0o700), ("build/cache", 0o755)),
)


def prepare(layout: Layout, owner: Owner, *, shared_memory: Path = SHARED_MEMORY) -> None:
    """Make the root with DLStack's directories and a ramdisk, where they are missing; repeatable.

    A tmpfs that is mounted already is taken as it is; nothing is ever mounted here. Raises Refused when something
    else lies where the ramdisk should be.
    """
    prepare_state(layout, owner)
    if not mounts.is_tmpfs(layout.ramdisk):
        _lead_into(layout, shared_memory)


def prepare_state(layout: Layout, owner: Owner) -> None:
    """Make the root and DLStack's own directories, where they are missing; nothing else is touched."""
    layout.root.mkdir(mode=0o755, parents=True, exist_ok=True)
    for directory, mode in STATE:
        place = layout.state / directory
        place.mkdir(mode=mode, exist_ok=True)
        if place.is_relative_to(layout.build_area):
            _give(place, owner)


def private_directory(layout: Layout, shared_memory: Path = SHARED_MEMORY) -> Path:
    """Name the directory in /dev/shm that is this root's ramdisk; one per user and root."""
    digest = hashlib.sha256(os.fsencode(layout.root)).hexdigest()[:12]
    return shared_memory / f"dlstack-{os.geteuid()}-{digest}"


def _lead_into(layout: Layout, shared_memory: Path) -> None:
    private = private_directory(layout, shared_memory)
    if not layout.ramdisk.is_symlink() and layout.ramdisk.exists():
        raise Refused(f"{layout.ramdisk} is not on a tmpfs: mount one there, or move it away.")
    if layout.ramdisk.is_symlink() and os.readlink(layout.ramdisk) != str(private):
        raise Refused(
            f"{layout.ramdisk} leads to {os.readlink(layout.ramdisk)}, which is not a tmpfs: mount or remove it."
        )
    _make_private(private)
    if not layout.ramdisk.is_symlink():
        os.symlink(private, layout.ramdisk)


def _make_private(private: Path) -> None:
    # /dev/shm is writable by all: another user's directory or symlink of that name must never be used.
    try:
        os.mkdir(private, 0o755)
    except FileExistsError:
        status = private.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise Refused(f"{private} belongs to somebody else: remove it, then start again.") from None
    os.chmod(private, 0o755)  # noqa: S103 — every user imports from it


def _give(directory: Path, owner: Owner) -> None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise Refused(f"{directory} is not a directory: move it away, then start again.")
    if (status.st_uid, status.st_gid) != (owner.uid, owner.gid):
        os.lchown(directory, owner.uid, owner.gid)
