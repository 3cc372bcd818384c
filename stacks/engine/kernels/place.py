"""A tree being looked at as if it lay at the live path: where paths lead in it, and who can reach them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HOPS = 40  # symlinks, as many as the system follows


@dataclass(frozen=True, slots=True)
class Place:
    """A tree at `tree` whose files speak of it as `live`; the rest of the machine is as it is.

    For the live tree itself `tree` is what the live path resolves to.
    """

    tree: Path
    live: Path

    def inside(self, path: Path) -> Path:
        """Say where a path that files of the tree name lies now."""
        if path == self.live or path.is_relative_to(self.live):
            return self.tree / path.relative_to(self.live)
        return path

    def outside(self, path: Path) -> Path:
        """Say what a path in the tree is called at the live path."""
        return self.live / path.relative_to(self.tree) if path.is_relative_to(self.tree) else path

    def holds(self, path: Path) -> bool:
        """Tell whether a path, without symlinks, lies in the tree."""
        return path == self.tree or path.is_relative_to(self.tree)

    def resolve(self, path: Path) -> Path | None:
        """Follow every symlink of a path as it would be at the live path; None when it leads nowhere.

        Nothing is opened: links are read, never gone through.
        """
        left = list(reversed(self.inside(path).parts))
        found, hops = Path(left.pop()), 0
        while left:
            part = left.pop()
            found = found.parent if part == ".." else found / part
            said = target_of(found)
            if said is None:
                return None
            if said and found != self.tree:
                hops += 1
                if hops > _HOPS:
                    return None
                target = self.inside(found.parent / said)
                left.extend(reversed(target.parts[1:]))
                found = Path(target.parts[0])
        return found

    def environment(self, path: Path) -> str:
        """Name the environment that a path, given as files of the tree name it, belongs to ("" for none)."""
        if path == self.live or not path.is_relative_to(self.live):
            return ""
        return path.relative_to(self.live).parts[0]

    def closed(self, file: Path) -> Path | None:
        """Give the first directory or file on the way to `file` in the tree that other users cannot go through or read.

        None when they can; what lies above the tree is not looked at.
        """
        ways = [way for way in reversed(file.parents) if self.holds(way)]
        for way, needed in [*((way, 0o001) for way in ways), (file, 0o004)]:
            try:
                mode = os.lstat(way).st_mode
            except OSError:
                return way
            if not mode & needed:
                return way
        return None


def target_of(path: Path) -> str | None:
    """Read what a path says that is a symlink, "" of what is none, None of what is gone or becomes something else."""
    try:
        return os.readlink(path) if stat.S_ISLNK(path.lstat().st_mode) else ""
    except OSError:
        return None


def directories(place: Path) -> Iterator[Path]:
    """Give what lies in a directory, sorted; nothing when it cannot be read."""
    try:
        yield from sorted(place.iterdir())
    except OSError:
        return
