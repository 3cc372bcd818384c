"""How much room trees take, alone and together: hard links counted once."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from stacks.engine import documents, durable, reserve, versions, walking
from stacks.engine.layout import Layout
from stacks.engine.walking import Found


@dataclass(frozen=True, slots=True)
class Size:
    """A tree's files, their `bytes`, and the bytes that no other of the measured trees shares."""

    files: int
    bytes: int
    unique_bytes: int


def measure(places: dict[str, Path]) -> dict[str, Size]:
    """Measure trees on one filesystem together."""
    holders: dict[int, set[str]] = defaultdict(set)
    weights: dict[int, int] = {}
    files: dict[str, int] = defaultdict(int)
    for name, place in places.items():
        for found in _files(place):
            files[name] += 1
            holders[found.inode].add(name)
            if found.inode not in weights:  # most files are shared: they are asked for once, not once for each version
                with suppress(OSError):
                    weights[found.inode] = found.status().st_size
    whole: dict[str, int] = defaultdict(int)
    alone: dict[str, int] = defaultdict(int)
    for inode, names in holders.items():
        for name in names:
            whole[name] += weights.get(inode, 0)
        if len(names) == 1:
            alone[next(iter(names))] += weights.get(inode, 0)
    return {name: Size(files[name], whole[name], alone[name]) for name in places}


def statuses(places: Iterable[Path]) -> Iterator[os.stat_result]:
    """Give what lstat says of every file of these trees; what goes away or cannot be read meanwhile is passed over."""
    for place in places:
        for found in _files(place):
            with suppress(OSError):
                yield found.status()


def _files(place: Path) -> Iterator[Found]:
    for found in walking.walk(place, on_error=lambda *_: None):
        with suppress(OSError):
            if found.entry.is_file(follow_symlinks=False):
                yield found


def refresh(layout: Layout) -> dict[str, Size]:
    """Measure all sealed versions on disk and keep the result for `stored`."""
    found = measure({name: layout.version(name) for name in versions.all_sealed(layout)})
    kept = {name: asdict(size) for name, size in found.items()}
    reserve.insist(layout.state, partial(durable.write_json, _store(layout), kept))
    return found


def stored(layout: Layout) -> dict[str, Size]:
    """Give the sizes as they were last measured, {} when they never were."""
    try:
        found = documents.parse(_store(layout).read_bytes())
        return {name: Size(**size) for name, size in found.items()}
    except (OSError, ValueError, TypeError):
        return {}


def _store(layout: Layout) -> Path:
    return layout.state / "sizes.json"
