"""A hostile owner races against each privileged step: no effect outside, nothing read from there, no step hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.owners.stage import STEPS

pytestmark = [needs_root, pytest.mark.timeout(3600)]
PATIENCE = 150.0  # seconds beyond those of the race, for a machine that does other things too
SHORT, LONG = 0.5, 60.0  # seconds for each step
# Whoever only looks at what was sealed on disk finds it changed, every time.
LOOKING = ("verify",)


def race(steps: Sequence[str], seconds: float) -> dict[str, Any]:
    argv = [sys.executable, "-m", "tests.faults.owners.drive", ",".join(steps), str(seconds)]
    limit = seconds * len(steps) + PATIENCE
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def wrong_in(found: dict[str, Any]) -> list[str]:
    """Name what must not have happened."""
    wrong = [f"{key}: {found[key]}" for key in ("changed", "leaks") if found[key]]
    wrong += [] if found["alive"] else ["the attack had ended"]
    for step, one in found["steps"].items():
        wrong += [f"{step}: {told}" for told in one["unclear"]]
        wrong += [] if one["done"] + one["failed"] else [f"{step}: nothing was carried out"]
    return wrong


def test_a_race_against_each_step(full: bool, figure: Figure) -> None:
    """In full each has a machine of its own, else they take turns on one."""
    seconds, courses = (LONG, [[step] for step in STEPS]) if full else (SHORT, [list(STEPS)])
    with ThreadPoolExecutor(2) as pool:  # on two cores
        found = list(pool.map(lambda steps: race(steps, seconds), courses))
    steps = {step: one for course in found for step, one in course["steps"].items()}
    wrong = [told for course in found for told in wrong_in(course)]
    wrong += [f"{step} never ended well: {one['said']}" for step, one in steps.items()
              if full and not one["done"] and step not in LOOKING]  # fmt: skip
    print("\n".join(wrong))
    runs = sum(one["done"] + one["failed"] for one in steps.values())
    figure(
        f"{seconds:.0f} s race of a hostile owner against each of {len(steps)} privileged steps",
        goal="0 effects outside",
        got=f"{runs} runs, {len(wrong)} with effects",
        ok=not wrong,
    )
