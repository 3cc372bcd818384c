"""How often a fault is repeated, and where the figures go that `make faults` prints.

Each test of this directory runs in `make test` with a few repeats; `make faults` sets FULL and runs them all in full,
those too that are marked `faults`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

FULL = "DLSTACK_FAULTS_FULL"
FIGURES = "DLSTACK_FAULTS_FIGURES"
Figure = Callable[..., None]


@pytest.fixture(scope="session")
def full() -> bool:
    """Tell whether every repeat is wanted, as by `make faults`, or a representative part, as by `make test`."""
    return bool(os.environ.get(FULL))


@pytest.fixture(scope="session")
def figure() -> Figure:
    """Give what records one row of the table, then fails the test where the goal was missed."""
    return record


def record(row: str, *, goal: str, got: object, ok: bool) -> None:
    if path := os.environ.get(FIGURES):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"row": row, "goal": goal, "got": str(got), "ok": ok}) + "\n")
    assert ok, f"{row}: {got}, goal: {goal}"
