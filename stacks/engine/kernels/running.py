"""Which kernels run now, from which version and for whom, read from /proc."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stacks.engine import usage
from stacks.engine.kernels.described import Described

_PLACE = re.compile(r"\\\{[A-Za-z0-9_]+\\\}")


@dataclass(frozen=True, slots=True)
class Running:
    """How many kernels of one kernelspec one user (a numeric id) runs from a version."""

    version: str
    user: int
    kernel: str
    count: int

    def plain(self) -> dict[str, Any]:
        """Give it as JSON types."""
        return asdict(self)


def count(
    trees: Mapping[str, Path], kernels: Mapping[str, Sequence[Described]], live: Path, *, proc: Path = usage.PROC
) -> list[Running]:
    """Count the kernels that run from these trees (version: path), whose kernelspecs are given by version.

    What belongs to other users is seen by root, or by a worker with the right to read it, alone.
    """
    patterns = {
        version: [(kernel.name, _pattern(kernel.argv, live, tree)) for kernel in kernels.get(version, ())]
        for version, tree in trees.items()
    }
    every = [known for listed in patterns.values() for known in listed]
    found: Counter[tuple[str, int, str]] = Counter()
    for version, processes in usage.of(dict(trees), among=lambda place: bool(_kernel(place, every)), proc=proc).items():
        for process in processes:
            if name := _kernel(proc / str(process.pid), patterns[version]):
                found[version, process.user, name] += 1
    return [Running(*key, number) for key, number in sorted(found.items())]


def _kernel(process: Path, patterns: Sequence[tuple[str, re.Pattern[str]]]) -> str:
    command = _command(process)
    return next((name for name, pattern in patterns if pattern.search(command)), "")


def _pattern(argv: Sequence[str], live: Path, tree: Path) -> re.Pattern[str]:
    """Match the command of a kernel, pinned or not: its words, with the live path or what it led to."""
    places = sorted({str(live), str(tree), os.path.realpath(tree)}, key=len, reverse=True)
    lead = f"(?:{'|'.join(map(re.escape, places))})"
    words = (_PLACE.sub("[^\0]*", re.escape(word)).replace(re.escape(f"{live}/"), f"{lead}/") for word in argv)
    # A script's interpreter stands before it; a bare name may have been given its path.
    return re.compile("(?:^|\0|/)" + "\0".join(words) + "\0?$")


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""  # it has ended meanwhile
