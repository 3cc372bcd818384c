"""Nothing that reads the live path sees a missing or mixed tree; the manual procedure shows that the probe can tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner
from tests.probe import Probe

FILES = [f"lib/module{number}.py" for number in range(5)]


def files(version: str) -> dict[str, str]:
    """Five files that the probe reads, and many more around them that differ between the versions."""
    filler = {f"lib/filler{version}{number}": f"{version}{number}" for number in range(2000)}
    return dict.fromkeys(FILES, version) | filler


def test_no_read_fails_in_twenty_deploys_and_reverts(layout: Layout, version: Make, runner: Runner) -> None:
    for name in ("a", "b", "c"):
        version(name, files(name))
    runner.run("deploy", version="a")
    with Probe(layout.live, FILES) as probe:
        for number in range(20):
            name = "bca"[number % 3]
            if number in (6, 12):  # as after a reboot of the ramdisk's content: staged anew while others read
                shutil.rmtree(layout.resident(name))
            runner.run("revert" if number % 2 else "deploy", version=name)
    assert probe.counts["failed"] == probe.counts["mixed"] == 0
    assert probe.counts["reads"] > 100


def test_the_probe_counts_failures_of_the_manual_procedure(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for file, content in files(name).items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(content * (1 + (name == "b")))
    ramdisk = Path("/dev/shm") / f"dlstack-probe-{os.getpid()}"
    (tmp_path / "sw").symlink_to(ramdisk)
    try:
        shutil.copytree(tmp_path / "a", ramdisk)
        with Probe(tmp_path / "sw", FILES) as probe:
            for number in range(10):
                # Slowed down to what a spinning disk gives; the order of the work is the manual's own.
                source = f"{tmp_path}/{'ba'[number % 2]}/"
                subprocess.run(["rsync", "-a", "--delete", "--bwlimit=200", source, f"{ramdisk}/"], check=True)
    finally:
        shutil.rmtree(ramdisk)
    assert probe.counts["failed"] + probe.counts["mixed"] > 0
