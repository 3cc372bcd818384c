"""The reader of the benches finds what is torn, and nothing where trees are whole."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from bench import reader
from bench.byhand import new_blocks
from bench.instance import by_step, seconds
from stacks.models import Operation

NAMES = [f"{number}.py" for number in range(reader.HANDFUL)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two trees that differ in every file, a live path to the first, and the list of what a reader reads."""
    known = []
    for tree in ("one", "two"):
        (tmp_path / tree).mkdir()
    for name in NAMES:
        both = [f"{tree} {name}" for tree in ("one", "two")]
        for tree, text in zip(("one", "two"), both, strict=True):
            (tmp_path / tree / name).write_text(text)
        known.append([name, *(blake3(text.encode()).hexdigest() for text in both)])
    (tmp_path / "known.json").write_text(json.dumps(known))
    (tmp_path / "sw").symlink_to("one")
    return tmp_path


def counted(place: Path) -> reader.Counts:
    with reader.reading(place / "sw", place / "known.json") as counts:
        time.sleep(0.2)
    return counts


def test_whole_trees_never_fail(place: Path) -> None:
    counts = counted(place)
    assert counts["reads"] > 0
    assert reader.failing(counts) == 0


def test_a_file_of_the_other_version_is_a_mix(place: Path) -> None:
    (place / "one" / NAMES[0]).write_text(f"two {NAMES[0]}")
    counts = counted(place)
    assert counts["failed"] == 0
    assert counts["mixed"] == counts["reads"] > 0


def test_a_missing_tree_fails(place: Path) -> None:
    (place / "sw").unlink()
    counts = counted(place)
    assert counts["failed"] == counts["reads"] > 0
    assert reader.failing(counts) == 100


def test_what_is_hard_linked_is_not_counted_again(place: Path) -> None:
    (place / "three").mkdir()
    (place / "three" / NAMES[0]).hardlink_to(place / "one" / NAMES[0])
    (place / "three" / "own").write_bytes(b"x" * 100_000)
    whole, beside = new_blocks(place / "three"), new_blocks(place / "three", [place / "one"])
    assert whole > beside >= 100_000


def test_the_time_of_steps() -> None:
    steps: list[dict[str, Any]] = [
        {"name": "stage", "started": 10.0, "finished": 11.5},
        {"name": "verify", "started": 12.0, "finished": 12.5},
        {"name": "later", "started": None, "finished": None},
    ]
    operation = Operation(steps=steps)
    assert seconds(operation, "stage", "verify") == 2.0
    assert by_step(operation) == "stage 1.5, verify 0.5"
