"""A scrub (verify --full) of a built version finds every planted damage, by its path, and never cries wolf (N12)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.engine import ramdisk
from stacks.engine.errors import VerifyFailed
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.conftest import REPOSITORY
from tests.engine.conftest import Runner
from tests.engine.machines import machine_place, needs_root
from tests.faults.conftest import Figure
from tests.faults.scrub.planted import Damage, add, flip, lose
from tests.wheels import tiny_index, tiny_recipe

pytestmark = [needs_root, pytest.mark.timeout(1800)]
Plant = Callable[[Path, random.Random], Damage]
PLANTED = {flip: 100, lose: 20, add: 20}
CLEAN = 10  # runs over what is whole


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """Build a version, as users do, and put it into the ramdisk too."""
    with machine_place() as place:
        layout = Layout(place / "data0")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", _made(layout.ramdisk)], check=True)
        ramdisk.prepare(layout, resolve())
        text = tiny_recipe(tiny_index(place / "index"))
        Runner(layout, resolve()).run("build", version="a", generation=1, recipe_text=text)
        Runner(layout, resolve()).run("deploy", version="a")
        yield layout


def _made(place: Path) -> Path:
    place.mkdir(parents=True)
    return place


def scrub(layout: Layout) -> str:
    """Give what a scrub says is wrong, "" for nothing."""
    try:
        Runner(layout, resolve()).run("verify", version="a", full=True)
    except VerifyFailed as error:
        return str(error)
    return ""


def finds(layout: Layout, tree: Path, plant: Plant, chance: random.Random) -> str:
    """Plant one damage and scrub; give "" when it was named, and nothing else was."""
    damage = plant(tree, chance)
    try:
        said = scrub(layout)
    finally:
        damage.undo()
    is_named = f"{tree} does not agree" in said and damage.path in said
    is_alone = "; " not in said.rpartition("manifest: ")[2] and " more." not in said
    is_clear = said.startswith("“a” is damaged on disk" if tree == layout.version("a") else "“a” in the ramdisk is not")
    return (
        ""
        if is_named and is_alone and is_clear
        else f"{plant.__name__} {damage.path!r} in {tree}: {said or 'nothing was found'}"
    )


def test_every_planted_damage_is_found_and_nothing_else(layout: Layout, figure: Figure) -> None:
    seed = os.environ.get("DLSTACK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nDLSTACK_SEED={seed}")
    chance = random.Random(seed)
    plants = [plant for plant, number in PLANTED.items() for _ in range(number)]
    trees = (layout.version("a"), layout.resident("a"))  # in turns
    missed = [told for at, plant in enumerate(plants) if (told := finds(layout, trees[at % 2], plant, chance))]
    alarms = [told for _ in range(CLEAN) if (told := scrub(layout))]
    print("\n".join([*missed, *alarms]))
    figure(
        f"scrub of a built version: {len(plants)} planted damages (flipped bits, lost and alien files)",
        goal="all found, 0 false alarms",
        got=f"{len(plants) - len(missed)} of {len(plants)} found, {len(alarms)} false alarms in {CLEAN} runs",
        ok=not missed and not alarms,
    )


def test_what_is_only_used_is_no_damage(layout: Layout) -> None:
    python = next(layout.resident("a").rglob("bin/python"))
    program = Path(os.path.realpath(layout.live)) / python.relative_to(layout.resident("a"))
    subprocess.run([program, "-c", "import tiny_sky, json, email, asyncio"], check=True, cwd="/")
    assert scrub(layout) == ""


def test_the_command_line_ends_with_a_failure_and_names_it(layout: Layout) -> None:
    damage = flip(layout.version("a"), random.Random(1))
    try:
        argv = [sys.executable, "-m", "stacks.engine", "verify", str(layout.root), "a", "--full"]
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    finally:
        damage.undo()
    assert done.returncode == 1
    assert f"{damage.path}: the content differs from the manifest" in done.stderr
