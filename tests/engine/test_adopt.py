"""A root made by hand is taken over: everything that was there is there, unchanged, and its versions are deployable."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import externals, manifest, status, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.owner import Owner
from tests.engine.conftest import Runner, write_tree


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[Layout]:
    """What the manual leaves: dated directories, one of them copied into a mounted tmpfs, and the two links."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    layout = Layout(tmp_path / "data0")
    layout.root.mkdir()
    for name in ("2026-10-01", "2026-11-01"):
        tree = layout.root / f"sw.{name}"
        spec = {"argv": [f"{layout.live}/anaconda3/bin/python", "{connection_file}"], "display_name": "Py"}
        files = {"anaconda3/bin/python": name, "anaconda3/share/jupyter/kernels/py/kernel.json": json.dumps(spec)}
        info = "anaconda3/lib/python3.11/site-packages/numpy-2.0.dist-info/METADATA"
        write_tree(tree, files | {info: "Name: numpy\nVersion: 2.0\n", "antares-kernel/a": name}, 1e9)
        for path in ((tree / "antares-kernel"), (tree / "antares-kernel/a")):
            os.lchown(path, 899, 899)
    layout.ramdisk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", layout.ramdisk], check=True)
    subprocess.run(["rsync", "-aHAX", f"{layout.root}/sw.2026-11-01/", f"{layout.ramdisk}/"], check=True)
    layout.live.symlink_to("sw.tmpfs")
    layout.backing.symlink_to("sw.2026-11-01")
    yield layout
    subprocess.run(["umount", "-l", layout.ramdisk], check=True)


def whole(layout: Layout) -> dict[str, object]:
    """Every path below the root with all that can be told of it, but what adopting adds."""
    entries = manifest.scan(layout.root).entries
    kept = [entry for entry in entries if not entry.path.startswith(".dlstack") and not entry.path.endswith(IDENTITY)]
    # A directory that gets the identity file has a new mtime.
    return {entry.path: entry if "/" in entry.path else entry._replace(mtime_ns=0) for entry in kept}


def test_everything_stays_as_it_was_and_the_versions_are_deployable(by_hand: Layout, owner: Owner) -> None:
    before = whole(by_hand)
    runner = Runner(by_hand, owner)
    outcome = runner.run("adopt")
    assert whole(by_hand) == before
    assert outcome == {"sealed": ["2026-10-01", "2026-11-01"], "active": "2026-11-01"}
    found = status.read(by_hand)
    assert (found["layout"], found["active"], found["backing"]) == ("in-place", "2026-11-01", "2026-11-01")
    assert [version["sealed"] for version in found["versions"]] == [True, True]
    assert found["versions"][0]["packages"] == {"anaconda3": {"numpy": "2.0"}}
    assert found["versions"][0]["externals"] == {"antares-kernel": [899, 899]}
    assert found["versions"][0]["kernelspecs"][0]["name"] == "py"
    theirs = externals.look(by_hand.live / "antares-kernel")
    runner.run("revert", version="2026-10-01")
    assert (by_hand.live / "anaconda3/bin/python").read_text() == "2026-10-01"
    assert externals.look(by_hand.live / "antares-kernel") == theirs
    runner.run("convert")
    runner.run("deploy", version="2026-11-01")
    assert os.readlink(by_hand.live) == "sw.tmpfs/2026-11-01"
    assert externals.look(Path(os.path.realpath(by_hand.live)) / "antares-kernel") == theirs


def test_a_second_time_there_is_nothing_to_do(by_hand: Layout, owner: Owner) -> None:
    Runner(by_hand, owner).run("adopt")
    with pytest.raises(Refused, match="nothing to adopt"):
        Runner(by_hand, owner).run("adopt")


def test_what_differs_in_production_is_said_and_can_be_backed_up(by_hand: Layout, owner: Owner) -> None:
    (by_hand.ramdisk / "anaconda3/bin/python").write_text("changed by hand")
    runner = Runner(by_hand, owner)
    runner.run("adopt")
    assert "differences: back it up to keep them" in runner.text
    assert runner.run("backup")["version"] == "2026-11-01+1"


def test_another_tree_in_production_is_not_marked(by_hand: Layout, owner: Owner) -> None:
    subprocess.run(["find", by_hand.ramdisk, "-mindepth", "1", "-delete"], check=True)
    runner = Runner(by_hand, owner)
    assert runner.run("adopt")["active"] is None
    assert not (by_hand.ramdisk / IDENTITY).exists()


def test_a_version_with_a_device_is_left_as_it_is(by_hand: Layout, owner: Owner) -> None:
    os.mknod(by_hand.root / "sw.2026-10-01/null", 0o020666, os.makedev(1, 3))
    outcome = Runner(by_hand, owner).run("adopt")
    assert outcome["left"] == ["2026-10-01"]
    assert versions.sealed(by_hand, "2026-10-01") is None
    assert not (by_hand.root / "sw.2026-10-01" / IDENTITY).exists()


def test_a_live_path_that_is_a_directory_is_refused(tmp_path: Path, owner: Owner) -> None:
    write_tree(tmp_path / "data0", {"sw/anaconda3/file": "x"})
    with pytest.raises(Refused, match="not a symlink"):
        Runner(Layout(tmp_path / "data0"), owner).plan("adopt")
    assert not (tmp_path / "data0" / ".dlstack").exists()
