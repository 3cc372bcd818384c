"""Who runs what: the processes that use a tree, read from /proc (design §5)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that uses a tree; `user` is its numeric user id."""

    pid: int
    user: int
    command: str


def of(
    trees: dict[str, Path], *, among: Callable[[Path], bool] = lambda _: True, proc: Path = PROC
) -> dict[str, list[Process]]:
    """Give, for each tree by name, the processes whose program, directory, open files or memory maps lie in it.

    `among` says of a process by its place below `proc` whether it is looked at, which takes a while. What belongs to
    other users is seen by root, or by a worker with the right to read it, alone.
    """
    real = {name: f"{os.path.realpath(tree)}/" for name, tree in trees.items()}
    found: dict[str, list[Process]] = {name: [] for name in trees}
    places = {os.path.dirname(prefix[:-1]) for prefix in real.values()}
    for place in filter(among, _processes(proc)):
        paths = _beneath("\n".join(_told(str(place))), places)
        for name, prefix in real.items() if paths else ():
            if any(f"{path}/".startswith(prefix) for path in paths):
                found[name].append(_describe(place))
    return found


def _beneath(told: str, places: Iterable[str]) -> set[str]:
    """Give the paths, which are the last parts of lines, that may lie in these directories."""
    # Most processes use no tree, which one look at all that was told shows.
    near = [place for place in places if place in told]
    lines = told.splitlines() if near else []
    found = {line for place in near for line in lines if place in line}
    return {line[line.index("/") :].removesuffix(" (deleted)") for line in found}


def _processes(proc: Path) -> Iterator[Path]:
    for name in os.listdir(proc):
        if name.isdigit() and int(name) != os.getpid():
            yield proc / name


def _told(process: str) -> Iterator[str]:
    """Give targets of links, and memory maps whole: lines of which the paths are the last part."""
    for link in ("exe", "cwd", "root"):
        yield from _target(f"{process}/{link}")
    try:
        for descriptor in os.listdir(f"{process}/fd"):
            yield from _target(f"{process}/fd/{descriptor}")
        with open(f"{process}/maps", "rb", buffering=0) as maps:
            yield maps.readall().decode(errors="replace")
    except OSError:
        return  # it has ended meanwhile, or we may not look


def _target(link: str) -> Iterator[str]:
    try:
        yield os.readlink(link)
    except OSError:
        return


def _describe(process: Path) -> Process:
    try:
        user = process.stat().st_uid
        words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        user, words = -1, ""
    return Process(int(process.name), user, words[:200])
