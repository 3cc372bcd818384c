"""What the procedure by hand loses to the faults that DLStack survives, in the same run with the same trees.

A row that says 0 for the procedure by hand would mean that the fault was no fault: these tests fail then.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from stacks.engine import manifest
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner, layout, owner, runner, version
from tests.faults.conftest import Figure
from tests.faults.manual import procedure
from tests.probe import Probe

__all__ = ["layout", "owner", "runner", "version"]
FILES = 2000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another owner's files")


def took(work: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    work.wait()
    return time.monotonic() - began


def test_a_revert_that_is_killed_tears_the_live_tree(tmp_path: Path, full: bool, figure: Figure) -> None:
    kills, chance = 60 if full else 8, random.Random(7)
    versions = [procedure.tree(tmp_path / name, name, FILES) for name in "ab"]
    live = tmp_path / "live"
    procedure.put_live(versions[0], live).wait()
    whole = took(procedure.put_live(versions[1], live))
    torn = 0
    for number in range(kills):
        procedure.killed_at_random(versions[number % 2], live, chance, whole)
        torn += procedure.is_torn(live)
    figure("by hand: kills of a revert that leave a torn live tree", goal="> 0 (ours: 0, see the kill matrix)",
           got=f"{torn} of {kills}", ok=torn > 0)  # fmt: skip


def test_readers_during_a_revert(layout: Layout, version: Make, runner: Runner, full: bool, figure: Figure) -> None:
    rounds, files = 20 if full else 3, [f"lib/d{n}/m{n}.py" for n in range(40)]
    for mark in "ab":
        contents = {f"lib/d{n % 40}/m{n}.py": mark * (10 + (mark == "a")) for n in range(FILES)}
        version(mark, contents)
        runner.run("deploy", version=mark)
    with Probe(layout.live, files) as ours:
        for number in range(rounds):
            runner.run("revert", version="ab"[number % 2])
    live = layout.root.parent / "by-hand"
    procedure.put_live(layout.version("b"), live).wait()
    with Probe(live, files) as by_hand:
        for number in range(rounds):
            procedure.put_live(layout.version("ab"[number % 2]), live).wait()
    bad = by_hand.counts["failed"] + by_hand.counts["mixed"]
    lost = ours.counts["failed"] + ours.counts["mixed"]
    got = f"{bad} of {by_hand.counts['reads']}; ours {lost} of {ours.counts['reads']}"
    figure("by hand: rounds of reads that fail or mix versions during reverts", goal="> 0; ours 0",
           got=got, ok=bad > 0 and lost == 0 and ours.counts["reads"] > 0)  # fmt: skip


def test_the_backup_job_after_a_reboot(layout: Layout, version: Make, runner: Runner, figure: Figure) -> None:
    version("a", {f"lib/m{n}.py": "a" for n in range(200)})
    runner.run("deploy", version="a")
    good = layout.root.parent / "good"
    subprocess.run(["cp", "-a", layout.version("a"), good], check=True)
    for place in layout.ramdisk.iterdir():
        subprocess.run(["rm", "-rf", place], check=True)
    procedure.back_up(layout.ramdisk, good)
    lost = 200 - sum(1 for _ in good.rglob("m*.py"))
    before = manifest.scan(layout.version("a"))
    with pytest.raises(Refused):
        runner.run("backup")
    ours = len(before.entries) - len(manifest.scan(layout.version("a")).entries)
    figure("by hand: files that the backup job deletes after a reboot", goal="> 0; ours 0",
           got=f"{lost} of 200; ours {ours}", ok=lost == 200 and ours == 0)  # fmt: skip


@needs_root
def test_what_another_group_added(layout: Layout, version: Make, runner: Runner, figure: Figure) -> None:
    make = {"lib/m.py": "a", "antares/data": "theirs"}
    for name in "ab":
        version(name, make | {"lib/m.py": name}, external="antares")
        runner.run("deploy", version=name)
    by_hand = layout.root.parent / "by-hand"
    procedure.put_live(layout.version("b"), by_hand).wait()
    for place in (layout.live, by_hand):
        (place / "antares/added").write_text("today")
        os.chown(place / "antares/added", 899, 899)
    procedure.put_live(layout.version("a"), by_hand).wait()
    runner.run("revert", version="a")
    lost, kept = not (by_hand / "antares/added").exists(), (layout.live / "antares/added").exists()
    figure("by hand: a revert deletes what another group added", goal="yes; ours no",
           got=f"{'yes' if lost else 'no'}; ours {'no' if kept else 'yes'}", ok=lost and kept)  # fmt: skip


def test_a_change_of_equal_size_and_mtime(layout: Layout, version: Make, runner: Runner, figure: Figure) -> None:
    for name, text in (("a", "G = 6.67\n"), ("b", "G = 6.68\n")):
        version(name, {"constant.py": text}, mtime=1e9)
        runner.run("deploy", version=name)
    by_hand = layout.root.parent / "by-hand"
    for name in "ab":
        procedure.put_live(layout.version(name), by_hand).wait()
    wrong = "6.67" in (by_hand / "constant.py").read_text()
    right = "6.68" in (layout.live / "constant.py").read_text()
    figure("by hand: a deploy passes over a file of equal size and mtime", goal="yes; ours no",
           got=f"{'yes' if wrong else 'no'}; ours {'no' if right else 'yes'}", ok=wrong and right)  # fmt: skip
