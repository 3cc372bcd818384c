"""Swaps under readers: the live path is always there and whole; `rm` and `ln -s`, the manual's way, in the same run."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from stacks.engine import links
from tests.faults.conftest import Figure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
READERS = 4
SPAWN = multiprocessing.get_context("spawn")
Counts = tuple[int, int, int]  # reads, failures, foreign contents


@pytest.fixture
def root() -> Iterator[Path]:
    """Two trees on disk, each of which holds its own name in many files."""
    with tempfile.TemporaryDirectory(prefix="dlstack-swaps-") as place:
        for name in ("sw.a", "sw.b"):
            tree = Path(place, name)
            tree.mkdir()
            for number in range(8):
                (tree / str(number)).write_text(name * 1000)
        Path(place, "sw").symlink_to("sw.a")
        yield Path(place)


def read(live: str, begin: Barrier, end: Event, told: multiprocessing.Queue[Counts]) -> None:
    """Read through the live path until the end: one file by its path, and then two of one tree."""
    reads = failures = foreign = 0
    begin.wait()
    known = {name: name * 1000 for name in ("sw.a", "sw.b")}
    while not end.is_set():
        reads += 1
        try:
            with open(f"{live}/{reads % 8}", encoding="ascii") as file:
                foreign += file.read() not in known.values()
            tree = os.open(live, os.O_RDONLY | os.O_DIRECTORY)
            try:
                foreign += _content(tree, reads % 8) != _content(tree, (reads + 1) % 8)
            finally:
                os.close(tree)
        except OSError:
            failures += 1
    told.put((reads, failures, foreign))


def _content(tree: int, number: int) -> bytes:
    file = os.open(str(number), os.O_RDONLY, dir_fd=tree)
    try:
        return os.read(file, 10_000)
    finally:
        os.close(file)


def swapped(root: Path, swaps: Iterable[int], swap: Callable[[Path, str], None]) -> Counts:
    """Swap the live path again and again while readers read; gives what they found, all together."""
    begin, end, told = SPAWN.Barrier(READERS + 1), SPAWN.Event(), SPAWN.Queue()
    readers = [SPAWN.Process(target=read, args=(str(root / "sw"), begin, end, told)) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        begin.wait(60)
        for number in swaps:
            swap(root, "sw.b" if number % 2 == 0 else "sw.a")
    finally:
        end.set()
    found = [told.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join()
    reads, failures, foreign = (sum(counts) for counts in zip(*found, strict=True))
    return reads, failures, foreign


def by_dlstack(root: Path, name: str) -> None:
    links.switch(root / "sw", name, tree=root / name)


def by_hand(root: Path, name: str) -> None:
    """What `rm sw && ln -s` does, with no more time in between than two system calls take."""
    (root / "sw").unlink()
    (root / "sw").symlink_to(name)


def for_seconds(seconds: float) -> Iterator[int]:
    """Count for so long."""
    end_at = time.monotonic() + seconds
    yield from itertools.takewhile(lambda _: time.monotonic() < end_at, itertools.count())


def test_swaps_under_readers(root: Path, full: bool, figure: Figure) -> None:
    swaps = 10_000 if full else 300
    began = time.monotonic()
    reads, failures, foreign = swapped(root, range(swaps), by_dlstack)
    took = time.monotonic() - began
    figure(
        f"{swaps} swaps under {READERS} readers",
        goal="0 failures, 0 foreign content",
        got=f"{reads} reads: {failures} failures, {foreign} foreign",
        ok=(failures, foreign) == (0, 0) and reads > swaps,
    )
    assert sorted(path.name for path in root.iterdir()) == ["sw", "sw.a", "sw.b"]
    reads, failures, _ = swapped(root, for_seconds(took / 10), by_hand)
    figure(
        "rm and ln -s under the same readers",
        goal="they see it fail",
        got=f"{failures / reads:.1%} of {reads} reads failed",
        ok=failures > 0,
    )
