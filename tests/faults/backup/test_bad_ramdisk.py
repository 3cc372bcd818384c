"""A backup that runs on a bad ramdisk is refused, again and again, and costs no good copy a byte (F9, invariant 8)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from stacks.engine import resident
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.conftest import REPOSITORY
from tests.engine.conftest import Runner
from tests.engine.machines import needs_root
from tests.engine.test_backup import BAD
from tests.faults.backup.machine import Kept, kept_machine
from tests.faults.backup.shadows import SHADOWS
from tests.faults.conftest import Figure

pytestmark = [needs_root, pytest.mark.timeout(3600)]
REPEATS = 50
FEW = 6  # of the states that the engine's own test makes each time


@pytest.fixture(scope="module")
def machine() -> Iterator[Kept]:
    with kept_machine() as made:
        yield made


def wrong_with(machine: Kept, spoil: Callable[[Layout], None], chance: random.Random) -> list[str]:
    """Spoil the ramdisk and ask for two backups, as a timer does; name what must not have happened."""
    machine.put_back()
    machine.drift(chance)
    spoil(machine.layout)
    before = machine.all_copies()
    wrong = [told for _ in range(2) if (told := _asked(machine.layout, full=chance.random() < 0.5))]
    after = machine.all_copies()
    return wrong + sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _asked(layout: Layout, *, full: bool) -> str:
    try:
        done = Runner(layout, resolve()).run("backup", full=full)
    except Refused as error:
        return "" if len(str(error)) > 30 else f"it said no more than: {error}"
    return f"it was carried out: {done}"


def test_no_bad_state_costs_a_good_copy(machine: Kept, full: bool, figure: Figure) -> None:
    seed = os.environ.get("DLSTACK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nDLSTACK_SEED={seed}")
    states = [*BAD, *SHADOWS] if full else [*random.Random(seed).sample(BAD, FEW), *SHADOWS]
    repeats = REPEATS if full else 1
    found = {
        f"{spoil.__name__} {repeat}": wrong_with(machine, spoil, random.Random(f"{seed} {spoil.__name__} {repeat}"))
        for spoil in states
        for repeat in range(repeats)
    }
    wrong = [f"{name}: {told[:3]}" for name, told in found.items() if told]
    print("\n".join(wrong))
    figure(
        f"backup guard: {len(states)} bad states of the ramdisk × {repeats}, asked twice each",
        goal="all refused, 0 paths of any copy deleted or changed",
        got=f"{len(found)} machines, {len(wrong)} harmed",
        ok=not wrong,
    )


def test_the_same_machine_is_backed_up_when_it_is_well(machine: Kept) -> None:
    machine.put_back()
    (machine.layout.resident("b") / "added").write_text("new")
    before = {path: told for path, told in machine.all_copies().items() if path.startswith("data0/sw.b/")}
    assert Runner(machine.layout, resolve()).run("backup")["version"] == "b+1"
    after = machine.all_copies()
    assert all(after[path] == told for path, told in before.items())
    assert resident.backing(machine.layout) == "b+1"


def test_the_command_line_refuses_too_and_says_what_to_do(machine: Kept) -> None:
    machine.put_back()
    SHADOWS[0](machine.layout)
    before = machine.all_copies()
    argv = [sys.executable, "-m", "stacks.engine", "backup", str(machine.layout.root)]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "restore it" in done.stderr
    assert machine.all_copies() == before
