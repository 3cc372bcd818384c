"""Layout in-place on a ramdisk that holds one tree only: what is new goes where the old was, or is refused early."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import inplace, links, mounts, process, resident, versions
from stacks.engine.errors import Failed, Refused
from stacks.engine.owner import resolve
from stacks.engine.process import Command
from tests.engine.conftest import Runner, make_version
from tests.engine.machines import needs_root
from tests.faults.resources.tight import Tight, tight

pytestmark = needs_root
OTHERS = {f"big/{number}": str(number) * 50_000 for number in range(90)}


@pytest.fixture
def machine() -> Iterator[Tight]:
    """The ramdisk has 16 MiB, of which version a takes 9, and the whole other version c as much."""
    with tight() as made:
        inplace.set_layout(made.layout, in_place=True)
        make_version(made.layout, "a", {**OTHERS, "own": "a"}, mtime=1e9)
        make_version(made.layout, "c", {path: content[::-1] + "c" for path, content in OTHERS.items()}, mtime=1e9)
        runner_of(made).run("deploy", version="a")
        yield made


def runner_of(machine: Tight) -> Runner:
    return Runner(machine.layout, resolve())


def test_what_does_not_fit_beside_the_old_takes_its_place(machine: Tight) -> None:
    layout = machine.layout
    assert mounts.room(layout.ramdisk).bytes_free < versions.need_sealed(layout, "c").bytes
    for name in ("c", "a"):
        assert runner_of(machine).run("deploy", version=name)["version"] == name
        assert resident.active(layout) == resident.backing(layout) == name


def test_what_does_not_fit_at_all_is_refused_with_numbers(machine: Tight) -> None:
    make_version(machine.layout, "d", {f"{number}": "x" * 18_000 for number in range(1000)})
    before = machine.state()
    with pytest.raises(Refused, match=r"“d” needs about [\d.]+ MB on the ramdisk, which has [\d.]+ MB free"):
        runner_of(machine).run("deploy", version="d")
    make_version(machine.layout, "e", {f"{number}": "" for number in range(1200)})
    with pytest.raises(Refused, match=r"“e” needs about 1,\d+ inodes on the ramdisk, which has 1,200 free"):
        runner_of(machine).run("deploy", version="e")
    assert machine.state()["live"] == before["live"]


@pytest.mark.parametrize("stays", [False, True])
def test_a_ramdisk_that_fills_up_meanwhile_gets_the_old_tree_back(
    machine: Tight, monkeypatch: pytest.MonkeyPatch, *, stays: bool
) -> None:
    layout, run = machine.layout, process.run
    make_version(layout, "f", {f"f{number}": "f" * 100_000 for number in range(110)})
    before = machine.state()

    def full(command: Command, *rest: Any) -> None:
        if not stays:
            machine.relax()
        if stays or "rsync f " in command.label:
            machine.fill("ramdisk", "bytes")
        run(command, *rest)

    monkeypatch.setattr(inplace, "run", full)
    with pytest.raises(Failed, match=r"The ramdisk (is full|had too little room) .* free"):
        runner_of(machine).run("deploy", version="f")
    assert versions.identity(Path(os.path.realpath(layout.live))) == versions.need_sealed(layout, "a").identity
    machine.relax()
    monkeypatch.undo()
    if stays:
        assert links.target(layout.live) == "sw.a"  # on disk, until there is room again
        runner_of(machine).run("restore")
    assert machine.state() == before
