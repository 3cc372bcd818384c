"""Damage planted in a sealed tree so that only content, or only presence, tells: sizes and times stay as they were."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Damage:
    """One planting: the path below the tree that a scrub must name."""

    path: str
    undo: Callable[[], None]


@contextmanager
def same_times(directory: Path) -> Iterator[None]:
    """Give a directory back the times that it had: else it would be named for those."""
    status = directory.stat()
    yield
    os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))


def flip(tree: Path, chance: random.Random) -> Damage:
    """Flip one bit of one byte, as a failing disk does."""
    file = chance.choice([path for path in _files(tree) if path.stat().st_size])
    at, bit = chance.randrange(file.stat().st_size), 1 << chance.randrange(8)

    def turn() -> None:
        status = file.stat()
        with file.open("r+b") as opened:
            opened.seek(at)
            byte = opened.read(1)[0]
            opened.seek(at)
            opened.write(bytes([byte ^ bit]))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    turn()
    return Damage(str(file.relative_to(tree)), turn)


def lose(tree: Path, chance: random.Random) -> Damage:
    """Take a file away."""
    file = chance.choice(_files(tree))
    aside = tree.parent / f".lost-{chance.randrange(10**9)}"
    with same_times(file.parent):
        file.rename(aside)

    def bring() -> None:
        with same_times(file.parent):
            aside.rename(file)

    return Damage(str(file.relative_to(tree)), bring)


def add(tree: Path, chance: random.Random) -> Damage:
    """Put something in that no package brought."""
    directory = chance.choice([path for path in tree.rglob("*") if _is(path, stat.S_ISDIR)])
    name = chance.choice([".hidden", "alien.py", "alien.pyc", "new\nline", "-rf", ".dlstack.json", "a" * 200])
    alien = directory / name
    with same_times(directory):
        chance.choice(ALIENS)(alien)

    def remove() -> None:
        with same_times(directory):
            alien.rmdir() if _is(alien, stat.S_ISDIR) else alien.unlink()

    return Damage(str(alien.relative_to(tree)), remove)


ALIENS: tuple[Callable[[Path], object], ...] = (
    Path.touch,
    lambda path: path.write_text("import os"),
    lambda path: path.symlink_to("/etc/passwd"),
    Path.mkdir,
    os.mkfifo,
)


def _files(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*") if _is(path, stat.S_ISREG) and path != tree / ".dlstack.json")


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    return kind(path.lstat().st_mode)
