"""Thirty things that an external owner may plant: nothing outside is touched or read, and nothing blocked for good."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from stacks.engine.errors import EngineError
from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.owners.attacks import ATTACKS, give
from tests.faults.owners.stage import EXTERNAL, STEPS, Stage, stage

pytestmark = needs_root

# What no copy can hold is refused with a sentence; the rest is carried along like anything else that is his.
REFUSED = {
    "deep": ("lies too deep", ("refresh", "build", "backup")),
    "long-names": ("lies too deep", ("refresh", "build", "backup")),
    "hard-to-setuid": ("is setuid and belongs to user 0", ("sealed",)),  # it lies on the disk's filesystem
}
# A link of his where kernelspecs lie is not gone into: what would be installed there is refused.
SHUT = {("kernelspecs-link", "kernel_install")}
AT_TOP = {
    "kernelspecs-link",
    "metadata-link",
    "fifo-for-kernel-json",
    "fifo-for-metadata",
    "fifo-for-pyvenv",
    "identity",
}
COPYING = ("refresh", "deploy", "sealed", "build", "backup", "discard", "restore", "kernel_install", "remove")


def plant(made: Stage, *names: str, apart: bool = False) -> None:
    """Plant attacks wherever he can write, each in a directory of its own if `apart`, and make them his."""
    for place in made.theirs():
        for name in names:
            own = place / f"attack-{name}" if apart and name not in AT_TOP else place
            own.mkdir(exist_ok=True)
            ATTACKS[name](own, made.outside)
        give(place)


def failures(made: Stage, only: Collection[str] = tuple(STEPS)) -> dict[str, str]:
    """Carry the steps out and give the sentences of those that failed; anything but a sentence fails the test."""
    found = {}
    for name in only:
        try:
            STEPS[name](made)
        except EngineError as error:
            found[name] = str(error)
    return found


def clear(made: Stage) -> None:
    for place in made.theirs():
        os.system(f"rm -rf {place}/d {place}/{'d' * 200} {place}/hard")  # noqa: S605 — rm knows no depth either


def test_all_that_can_be_carried_is_and_reaches_nothing() -> None:
    with stage() as made:
        before = made.canaries()
        plant(made, *(name for name in ATTACKS if name not in {*REFUSED, "kernelspecs-link"}), apart=True)
        said = failures(made)
        assert made.canaries() == before
        assert made.leaks() == []
        # He changed what was sealed on disk, which a verification is there to tell.
        assert set(said) <= {"verify"}, said
        live = Path(os.path.realpath(made.layout.live)) / EXTERNAL
        assert (live / "attack-link-to-shadow/planted").is_symlink()
        assert (live / "attack-setuid/setuid").stat().st_mode & 0o7777 == 0o4755


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.faults if name == "deep" else ()) for name in REFUSED]
)
def test_what_no_copy_can_hold_is_refused_with_a_sentence(name: str, full: bool) -> None:
    why, steps = REFUSED[name]
    with stage() as made:
        before = made.canaries()
        plant(made, name)
        said = failures(made, STEPS if full else [*steps, "remove"])
        assert made.canaries() == before
        assert [step for step in steps if why not in said.get(step, "")] == [], said
        assert "remove" not in said
        clear(made)
        said = failures(made, STEPS if full else steps)
        assert set(said) <= {"verify"}, said


@pytest.mark.faults
def test_each_attack_in_each_step(figure: Figure) -> None:
    wrong = []
    for name in ATTACKS:
        with stage() as made:
            before = made.canaries()
            plant(made, name)
            said = failures(made)
            if name in REFUSED:
                clear(made)  # no walk gets to the end of it
            if made.canaries() != before or made.leaks():
                wrong.append(f"{name}: effects outside")
            allowed = {step for step in COPYING if name in REFUSED or (name, step) in SHUT}
            unexpected = {step: text for step, text in said.items() if step in COPYING and step not in allowed}
            wrong += [f"{name} in {step}: {text}" for step, text in unexpected.items()]
    figure(
        f"{len(ATTACKS)} planted attacks by a foreign owner × {len(STEPS)} privileged steps",
        goal="0 effects outside, nothing blocked",
        got=f"{len(wrong)}{'; '.join(['', *wrong])}",
        ok=not wrong,
    )
