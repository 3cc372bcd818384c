"""Who runs what: how many processes of which user use which version, in RAM or on disk (design §5)."""

from __future__ import annotations

import pwd
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import resident, usage, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.models import Machine
from stacks.observation import is_here

COMMANDS = 3  # names of programs told per line


@dataclass(frozen=True, slots=True)
class Users:
    """How many processes one user runs from a version's tree, and which programs; arguments may hold secrets."""

    version: str
    where: str
    user: str
    count: int
    programs: list[str]


def count(machine: Machine) -> list[Users]:
    """Count the processes that use a version of this machine, the most first; raises Refused for another machine."""
    if not is_here(machine):
        raise Refused(f"{machine.name} is another machine: its processes are seen there alone.")
    trees = _trees(Layout(Path(machine.root)))
    found: dict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    for key, processes in usage.of({str(number): tree for number, (*_, tree) in enumerate(trees)}).items():
        name, where, _ = trees[int(key)]
        for process in processes:
            found[name, where, process.user][_program(process.command)] += 1
    users = [
        Users(name, where, _user(uid), programs.total(), [program for program, _ in programs.most_common(COMMANDS)])
        for (name, where, uid), programs in found.items()
    ]
    return sorted(users, key=lambda one: (-one.count, one.version, one.user))


def _trees(layout: Layout) -> list[tuple[str, str, Path]]:
    on_disk = [(name, "disk", layout.version(name)) for name in versions.directories(layout)]
    return on_disk + [(name, "RAM", resident.place(layout, name)) for name in resident.in_ram(layout)]


def _program(command: str) -> str:
    return Path(command.split(" ", 1)[0]).name or "?"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"user {uid}"
