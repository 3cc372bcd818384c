from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stacks.engine import inplace, journal, recovery, removal, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner) -> Layout:
    """Versions a to e; c was active before d, which is."""
    for name in "abcde":
        version(name, {"file": name, "shared": "s" * 10_000, "own": name * 50_000}, mtime=1e9)
    for name in "bcd":
        runner.run("deploy", version=name)
    return layout


@pytest.mark.parametrize(("name", "why"), [("d", "is active"), ("c", "revert would put back"), ("x", "does not exist")])
def test_what_must_stay_is_refused(machine: Layout, runner: Runner, name: str, why: str) -> None:
    before = versions.directories(machine)
    with pytest.raises(Refused, match=why):
        runner.run("remove", version=name)
    assert versions.directories(machine) == before


def test_a_pinned_version_is_refused(machine: Layout, runner: Runner) -> None:
    with pytest.raises(Refused, match="pinned"):
        runner.run("remove", version="a", pinned=["a"])


def test_a_version_is_removed_from_disk_and_ramdisk(machine: Layout, runner: Runner) -> None:
    runner.run("remove", version="b")
    assert versions.directories(machine) == ["a", "c", "d", "e"]
    assert not machine.resident("b").exists()
    assert not machine.description("b").exists()
    assert (machine.live / "file").read_text() == "d"
    assert list(machine.trash.iterdir()) == []


def test_a_version_in_use_is_refused_with_who(machine: Layout, runner: Runner) -> None:
    script = "import sys, time; f = open(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    user = subprocess.Popen(
        [sys.executable, "-c", script, machine.resident("b") / "file"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert user.stdout is not None
        user.stdout.readline()
        with pytest.raises(Refused, match=rf"in use by 1 process\(es\): {user.pid} \(user {os.getuid()}\)"):
            runner.run("remove", version="b")
    finally:
        user.kill()
        user.wait()
    runner.run("remove", version="b")


def test_prune_keeps_the_newest_the_active_and_the_one_before(machine: Layout, runner: Runner) -> None:
    plan = runner.plan("prune", keep=1)
    assert [step.name for step in plan.steps] == ["remove-b", "remove-a", "measure"]
    assert versions.directories(machine) == ["a", "b", "c", "d", "e"]
    runner.run("prune", keep=1)
    assert versions.directories(machine) == ["c", "d", "e"]
    with pytest.raises(Refused, match="nothing to prune"):
        runner.run("prune", keep=1)


def test_what_a_removal_frees_counts_hard_links(machine: Layout, runner: Runner) -> None:
    one = removal.freed([machine.version("a")])
    both = removal.freed([machine.version("a"), machine.version("b")])
    assert 50_000 <= one < 70_000
    assert 2 * one <= both < 2 * one + 10_000
    alone = removal.freed(machine.version(name) for name in "abcde")
    assert alone - 5 * one >= 10_000


def test_prune_of_everything_is_refused(machine: Layout, runner: Runner) -> None:
    with pytest.raises(Refused, match="At least one"):
        runner.run("prune", keep=0)


def test_a_symlink_in_the_place_of_a_version_is_no_version(machine: Layout, runner: Runner) -> None:
    (machine.root / "sw.z").symlink_to(machine.version("a"))
    with pytest.raises(Refused):
        runner.run("remove", version="z")
    assert (machine.version("a") / "file").exists()


def test_killed_in_mid_removal_it_is_gone_or_there(machine: Layout) -> None:
    journal.begin(machine, "build", operation="1", kind="remove", version="a")
    assert "still there" in recovery.recover(machine, "build")[0]
    assert versions.sealed(machine, "a")
    journal.begin(machine, "build", operation="1", kind="remove", version="a")
    machine.trash.mkdir(exist_ok=True)
    machine.version("a").rename(machine.trash / ".sw.a.new-1-1")
    assert "had been removed" in recovery.recover(machine, "build")[0]
    assert not machine.description("a").exists()
    assert list(machine.trash.iterdir()) == []


def test_in_place_a_version_named_like_an_environment_takes_nothing_of_it(
    layout: Layout, version: Make, runner: Runner
) -> None:
    inplace.set_layout(layout, in_place=True)
    version("live", {"anaconda3/file": "in production"})
    version("anaconda3", {"other": "x"})
    version("newest", {"other": "y"})
    runner.run("deploy", version="live")
    runner.run("remove", version="anaconda3")
    assert (layout.live / "anaconda3/file").read_text() == "in production"
    assert "anaconda3" not in versions.directories(layout)


def test_what_the_record_would_revert_to_stays(machine: Layout, runner: Runner) -> None:
    with pytest.raises(Refused, match="“a” is what a revert would put back"):
        runner.run("remove", version="a", reverts_to="a")
    assert "“a”" not in runner.plan("prune", keep=1, reverts_to="a").summary
