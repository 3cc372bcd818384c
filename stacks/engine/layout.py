"""Where things lie under a root, and which names a version may have (design §1, §6 and §9)."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from stacks.engine.errors import Refused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BACKUP = re.compile(r"\+[1-9][0-9]{0,3}\Z")
# Paths of DLStack's own: beside the versions on disk, and beside the half-made ones in the ramdisk.
_RESERVED = frozenset({"hdd", "tmpfs", "trash", "externals"})
IDENTITY = ".dlstack.json"
STATE = ".dlstack"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one root; `root` is absolute. Nothing here touches the disk."""

    root: Path

    def __post_init__(self) -> None:
        """Raise Refused unless `root` is an absolute path below /, without `..`."""
        if not self.root.is_absolute() or ".." in self.root.parts or len(self.root.parts) < 2:
            raise Refused(f"The root must be an absolute path below /, without “..”: {self.root}")

    @property
    def live(self) -> Path:
        """The live path: where everybody finds the software."""
        return self.root / "sw"

    @property
    def ramdisk(self) -> Path:
        """The ramdisk, a mounted tmpfs or a symlink into one."""
        return self.root / "sw.tmpfs"

    @property
    def backing(self) -> Path:
        """The backing link, to the version that persists what is in production."""
        return self.root / "sw.hdd"

    @property
    def kernel_specs(self) -> Path:
        """The machine's kernelspec library."""
        return self.root / "kernel-specs"

    @property
    def state(self) -> Path:
        """DLStack's own directory."""
        return self.root / STATE

    @property
    def build_area(self) -> Path:
        """The directory that a build sees in the place of the root: `sw/` and `cache/` on one mount."""
        return self.state / "build"

    @property
    def building(self) -> Path:
        """The tree under construction."""
        return self.build_area / "sw"

    @property
    def cache(self) -> Path:
        """The package caches; inside the build area, because link(2) does not cross mounts."""
        return self.build_area / "cache"

    @property
    def trash(self) -> Path:
        """Where trees go, by rename, before they are deleted."""
        return self.state / "trash"

    @property
    def in_place_mark(self) -> Path:
        """The file that says that this root has layout in-place; without it the layout is resident."""
        return self.state / "in-place"

    def version(self, name: str) -> Path:
        """The directory of the version `name` on persistent disk."""
        return self.root / f"sw.{check_name(name)}"

    def description(self, name: str) -> Path:
        """The directory with the manifest, lockfile and description of the version `name`."""
        return self.state / "versions" / check_name(name)

    def resident(self, name: str) -> Path:
        """The tree of the version `name` in the ramdisk."""
        return self.ramdisk / check_name(name)

    def staging(self, name: str) -> Path:
        """The half-made tree of the version `name` in the ramdisk, renamed into place when it is whole."""
        return self.ramdisk / ".dlstack" / check_name(name)


def check_name(name: str) -> str:
    """Give back a version's name, which a backup may have extended by `+N`; raise Refused when it is not one."""
    return _checked(name, _BACKUP.sub("", name, count=1))


def check_new_name(name: str) -> str:
    """Give back a name that a person may choose for a version (design §9); raise Refused when it is not one."""
    return _checked(name, name)


def backup_name(name: str, taken: Container[str]) -> str:
    """Name the next backup of a version: `<name>+N`, with the first N that is not taken."""
    stem = _BACKUP.sub("", check_name(name))
    return next(found for number in range(1, 10_000) if (found := f"{stem}+{number}") not in taken)


def _checked(name: str, stem: str) -> str:
    if not _NAME.fullmatch(stem):
        raise Refused(
            f"“{name}” cannot name a version: use letters, digits, “.”, “_” and “-”, "
            "beginning with a letter or digit, 64 at most."
        )
    if stem in _RESERVED:
        raise Refused(f"“{name}” is the name of a path that DLStack needs itself: choose another.")
    return name
