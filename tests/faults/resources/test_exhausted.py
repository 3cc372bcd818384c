"""Disk, ramdisk and inodes end in each step of each operation: all is as before, and a sentence says why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import pytest

from stacks.engine import recovery
from stacks.engine.errors import EngineError
from tests.engine.conftest import Runner
from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.resources.tight import Tight, What, Where, drift, populate, tight
from tests.wheels import tiny_index, tiny_recipe

pytestmark = needs_root


class Short(NamedTuple):
    """What is lacking: bytes or inodes, on disk or in RAM, but for `leave` of them."""

    where: Where
    what: What
    leave: int = 0


DISK, RAM = (Short("disk", "bytes"), Short("disk", "inodes")), (Short("ramdisk", "bytes"), Short("ramdisk", "inodes"))
LEFT = {"bytes": (0, 70_000, 400_000), "inodes": (0, 2, 30)}
EVERY = [one._replace(leave=leave) for one in (*DISK, *RAM) for leave in LEFT[one.what]]


@dataclass(frozen=True)
class Case:
    """An operation, how its machine is made ready for it, and whether it may change what users have."""

    kind: str
    ready: Callable[[Tight, Runner], dict[str, Any]]


def nothing(machine: Tight, runner: Runner) -> dict[str, Any]:
    return {"version": "b"}


def resident(machine: Tight, runner: Runner) -> dict[str, Any]:
    runner.run("deploy", version="b")
    return {"version": "a"}


def drifted(machine: Tight, runner: Runner) -> dict[str, Any]:
    drift(machine)
    return {}


def rebooted(machine: Tight, runner: Runner) -> dict[str, Any]:
    for path in machine.layout.ramdisk.iterdir():
        shutil.rmtree(path)
    runner.run("restore", serve_only=True)
    return {}


def recipe(machine: Tight, runner: Runner) -> dict[str, Any]:
    index = tiny_index(machine.layout.root.parent.parent / "index")
    return {"version": "c", "generation": 9, "recipe_text": tiny_recipe(index)}


CASES = {
    "deploy": Case("deploy", nothing),
    "revert": Case("revert", resident),
    "backup": Case("backup", drifted),
    "discard": Case("discard", drifted),
    "restore": Case("restore", rebooted),
    "build": Case("build", recipe),
    "remove": Case("remove", nothing),
}


class Starved(Runner):
    """Carries out a plan whose machine runs full at the beginning of one step."""

    at = ""
    starve: Callable[[], None] = staticmethod(lambda: None)

    def step_started(self, name: str) -> None:
        super().step_started(name)
        if name == self.at:
            self.starve()


def judge(name: str, step: str, short: Short) -> str:
    """Carry one operation out while its machine runs full in one step; give "" when all is well, else what is not."""
    with tight() as machine:
        runner = populate(machine)
        asked = CASES[name].ready(machine, runner)
        before = machine.state()
        starved = Starved(runner.layout, runner.owner)
        starved.at, starved.starve = step, lambda: machine.fill(*short)
        said = failure(starved, name, asked)
        if not said:
            return ""
        kept = "a+1" if "is kept as “a+1”" in starved.text else ""
        if wrong := wrong_after(machine, before, kept) or wrong_said(said, short):
            return f"{wrong} ({said})"
        machine.relax()
        for lane in ("live", "build"):
            recovery.recover(machine.layout, lane)
        wrong = f"recovery {found}" if (found := wrong_after(machine, before, kept)) else ""
        return wrong or failure(runner, name, asked)


def failure(runner: Runner, name: str, asked: dict[str, Any]) -> str:
    """Carry an operation out and give the sentence with which it failed, "" when it did not."""
    try:
        runner.run(CASES[name].kind, **asked)
    except EngineError as error:
        return str(error)
    except OSError as error:
        return f"No sentence, but {error!r}"
    return ""


def changes(machine: Tight, before: dict[str, Any], kept: str) -> list[str]:
    """Name what has changed, beside a version that was sealed before the operation failed."""
    after: dict[str, Any] = machine.state()
    after["versions"].pop(kept, None)
    for key in ("directories", "described"):
        after[key] = [name for name in after[key] if name != kept]
    return [key for key in before if after[key] != before[key]]


def wrong_after(machine: Tight, before: dict[str, Any], kept: str) -> str:
    changed = changes(machine, before, kept)
    return f"changed: {', '.join(changed)}" if changed else ""


def wrong_said(said: str, short: Short) -> str:
    wanted = "inodes" if short.what == "inodes" else "MB"
    named = "ramdisk" if short.where == "ramdisk" else "disk of"
    return "" if wanted in said and named in said.lower() else "the sentence does not say what is lacking"


def steps_of(name: str) -> list[str]:
    with tight() as machine:
        runner = populate(machine)
        asked = CASES[name].ready(machine, runner)
        return [step.name for step in runner.plan(CASES[name].kind, **asked).steps]


QUICK = [
    *(("deploy", "stage", short) for short in RAM),
    ("deploy", "preflight", Short("disk", "inodes")),
    *(("backup", "copy", short) for short in (*DISK, *RAM)),
    ("backup", "activate", Short("ramdisk", "inodes", 2)),
    *(("discard", "stage", short) for short in RAM),
    ("restore", "stage", RAM[0]),
    *(("build", "install-anaconda3", short) for short in DISK),
    ("build", "seal", Short("disk", "inodes", 2)),
    *(("revert", "activate", short) for short in DISK),
    *(("remove", "remove-b", short) for short in DISK),
]


@pytest.mark.parametrize(("name", "step", "short"), QUICK)
def test_what_ends_in_mid_operation_ends_it_clean(name: str, step: str, short: Short) -> None:
    assert judge(name, step, short) == ""


@pytest.mark.faults
@pytest.mark.parametrize("name", CASES)
def test_each_step_survives_each_shortage(name: str, figure: Figure) -> None:
    cases = list(product(steps_of(name), EVERY))
    found = {case: wrong for case in cases if (wrong := judge(name, *case))}
    figure(
        f"{name}: bytes or inodes end in each step, on disk or in RAM",
        goal="0 unclean ends",
        got=f"{len(found)} of {len(cases)}" + "".join(f"; {case}: {wrong}" for case, wrong in found.items()),
        ok=not found,
    )
