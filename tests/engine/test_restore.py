"""After a reboot: in service from disk at once, in RAM in the end, whatever kills it half-way."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from stacks.engine import links, ramdisk, recovery, resident, status, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner, write_tree


@pytest.fixture
def booted(layout: Layout, version: Make, runner: Runner) -> Layout:
    """A machine with two versions, the second one active, after its ramdisk went with the power."""
    files = {f"lib/m{number}": str(number) for number in range(50)}
    version("a", {"file": "a"} | files, mtime=1e9)
    version("b", {"file": "b"} | files, mtime=1e9)
    runner.run("deploy", version="a")
    runner.run("deploy", version="b")
    reboot(layout)
    return layout


def reboot(layout: Layout) -> None:
    shutil.rmtree(ramdisk.private_directory(layout))


def served(layout: Layout) -> str:
    return (layout.live / "file").read_text()


def test_after_a_reboot_the_live_path_leads_nowhere_and_status_says_what_to_do(booted: Layout) -> None:
    found = status.read(booted)
    assert found["active"] is None
    assert {problem["code"] for problem in found["problems"]} == {"live-dangling", "no-ramdisk"}


def test_restore_serves_from_disk_first_and_from_ram_in_the_end(booted: Layout, runner: Runner) -> None:
    plan = runner.plan("restore")
    assert plan.steps[0].name == "serve"
    plan.steps[0].run(runner.context({}))
    assert served(booted) == "b"
    assert links.target(booted.live) == "sw.b"
    runner.run("restore")
    assert links.target(booted.live) == "sw.tmpfs/b"
    assert served(booted) == "b"
    with pytest.raises(Refused, match="nothing to restore"):
        runner.run("restore")
    assert runner.run("revert", version="a")["previous"] == "b"


@pytest.mark.parametrize("killed_before", range(1, 6))
def test_killed_half_way_it_starts_again(booted: Layout, runner: Runner, killed_before: int) -> None:
    plan, context = runner.plan("restore"), runner.context({})
    for step in plan.steps[:killed_before]:
        step.run(context)
        assert served(booted) == "b"
    recovery.recover(booted, "live")
    assert served(booted) == "b"
    if not resident.is_served(booted, versions.need_sealed(booted, "b")):
        runner.run("restore")
    assert links.target(booted.live) == "sw.tmpfs/b"
    assert not booted.staging("b").exists()


@pytest.mark.parametrize("killed_before", range(1, 6))
def test_a_second_reboot_half_way_loses_nothing(booted: Layout, runner: Runner, killed_before: int) -> None:
    plan, context = runner.plan("restore"), runner.context({})
    for step in plan.steps[:killed_before]:
        step.run(context)
    reboot(booted)
    recovery.recover(booted, "live")
    runner.run("restore")
    assert links.target(booted.live) == "sw.tmpfs/b"
    assert served(booted) == "b"


def test_a_half_filled_ramdisk_is_not_taken_for_a_tree(booted: Layout, runner: Runner, owner: object) -> None:
    ramdisk.prepare(booted, runner.owner)
    write_tree(booted.resident("b"), {"file": "half of b"})
    runner.run("restore")
    assert served(booted) == "b"


def test_files_of_equal_size_and_mtime_are_right_after_deploy_and_revert(
    layout: Layout, version: Make, runner: Runner, tmp_path: Path
) -> None:
    version("a", {"constant.py": "G = 6.67\n", "other": "x"}, mtime=1e9)
    version("b", {"constant.py": "G = 6.68\n", "other": "x"}, mtime=1e9)
    for name, wanted in (("a", "6.67"), ("b", "6.68"), ("a", "6.67")):
        runner.run("deploy", version=name)
        assert wanted in (layout.live / "constant.py").read_text()
    # The procedure by hand gets it wrong: rsync's quick check looks at size and mtime alone.

    copy = tmp_path / "live"
    for name in ("a", "b"):
        subprocess.run(["rsync", "-a", "--delete", f"{layout.version(name)}/", f"{copy}/"], check=True)
    assert "6.67" in (copy / "constant.py").read_text()
