"""A hostile owner races against each privileged step: no effect outside, nothing read from there, no step hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.owners.stage import STEPS

pytestmark = needs_root
QUICK = ("deploy", "refresh", "backup", "kernel_install")
PATIENCE = 150.0  # seconds beyond those of the race, for a machine that does other things too


def race(step: str, seconds: float) -> dict[str, Any]:
    argv = [sys.executable, "-m", "tests.faults.owners.drive", step, str(seconds)]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds + PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def wrong_in(found: dict[str, Any]) -> list[str]:
    """Name what must not have happened."""
    wrong = [f"{key}: {found[key]}" for key in ("changed", "leaks", "unclear") if found[key]]
    wrong += [] if found["alive"] else ["the attack had ended"]
    return wrong + ([] if found["done"] + found["failed"] else ["nothing was carried out"])


@pytest.mark.parametrize("step", QUICK)
def test_a_short_race(step: str) -> None:
    assert wrong_in(race(step, 1.0)) == []


@pytest.mark.faults
def test_a_long_race_against_each_step(figure: Figure) -> None:
    with ThreadPoolExecutor(2) as pool:  # on two cores
        found = dict(zip(STEPS, pool.map(lambda step: race(step, 60.0), STEPS), strict=True))
    runs = {step: one["done"] + one["failed"] for step, one in found.items()}
    wrong = [f"{step}: {said}" for step, one in found.items() for said in wrong_in(one)]
    figure(
        f"60 s race of a hostile owner against each of {len(STEPS)} privileged steps ({sum(runs.values())} runs)",
        goal="0 effects outside",
        got=f"{len(wrong)}{'; '.join(['', *wrong])}",
        ok=not wrong and all(one["done"] for step, one in found.items() if step != "verify"),
    )
