"""A disk in a file: a filesystem of its own, whose power can be cut, so that only what was synced is there again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """A filesystem: how it is made in a file of so many MiB, and mounted so that nothing is written before its time."""

    name: str
    size: int
    make: tuple[str, ...]
    options: str = ""


KINDS = (
    Kind("ext4", 16, ("mkfs.ext4", "-q", "-b", "1024", "-J", "size=1", "-O", "^resize_inode"), "commit=300"),
    Kind("xfs", 320, ("mkfs.xfs", "-q"), "nouuid"),
    Kind("btrfs", 128, ("mkfs.btrfs", "-q", "--mixed"), "commit=300"),
)


def missing(kind: Kind) -> str:
    """Say what this machine lacks for it, "" for nothing."""
    if shutil.which(kind.make[0]) is None:
        return f"{kind.make[0]} is not installed"
    if subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode:
        return "no loop device is to be had here"
    return ""


def make(kind: Kind, image: Path) -> None:
    """Make an empty filesystem in a file."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(kind.size * 1024**2)
    subprocess.run([*kind.make, str(image)], check=True, stdout=subprocess.DEVNULL)


def cut(image: Path, copy: Path) -> None:
    """Keep what the disk has at this instant, as if the power were cut now."""
    subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)


@contextmanager
def mounted(kind: Kind, image: Path, root: Path) -> Iterator[None]:
    """Mount the disk where `root` lies on it, with an empty ramdisk, as after a boot."""
    options = ",".join(filter(None, ("loop", kind.options)))
    subprocess.run(["mount", "-t", kind.name, "-o", options, str(image), str(root.parent)], check=True)
    try:
        ramdisk = root / "sw.tmpfs"
        ramdisk.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m,mode=755", "tmpfs", str(ramdisk)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-R", str(root.parent)], check=True)
