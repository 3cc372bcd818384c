"""Builds with the real uv in the real sandbox, from an index in a directory, then deployed and reverted."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import journal, ramdisk, sizes, status, versions
from stacks.engine.errors import Cancelled, CommandFailed, Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.engine.conftest import Runner
from tests.wheels import Index, tiny_recipe


def asked(index: Index, name: str, *packages: str, **more: object) -> dict[str, object]:
    return {"version": name, "generation": 1, "recipe_text": tiny_recipe(index, *packages), **more}


def state(layout: Layout) -> set[str]:
    """Every path below the root but the caches and DLStack's own records."""
    skip = (layout.cache, layout.state / "locks", layout.state / "trash")
    found = (path for path in layout.root.rglob("*") if not any(path.is_relative_to(one) for one in skip))
    return {str(path) for path in found if path.name not in ("history.jsonl", "sizes.json")}


def test_a_build_is_sealed_deployed_and_runs_through_the_live_path(
    layout: Layout, runner: Runner, index: Index
) -> None:
    outcome = runner.run("build", **asked(index, "a"))
    assert outcome["packages"] == {"anaconda3": {"tiny-sky": "1.0", "tiny-star": "1.0"}}
    assert outcome["kernelspecs"] == [
        {"name": "tiny", "display_name": "Tiny Python", "language": "python", "environment": "anaconda3"}
        | {"required": False}
    ]
    assert "tiny-sky==1.0" in outcome["lockfile"]["anaconda3"]
    assert not layout.live.exists()
    runner.run("deploy", version="a")
    assert subprocess.check_output([layout.live / "anaconda3/bin/tiny-sky"], text=True) == "sky 1.0\n"
    found = status.read(layout)
    assert (found["active"], found["backing"], found["resident"]) == ("a", "a", ["a"])
    assert found["problems"] == []


def test_files_name_only_the_live_path(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", **asked(index, "a"))
    for place in (layout.state, layout.ramdisk, layout.root / "cache", ramdisk.private_directory(layout)):
        grep = subprocess.run(["grep", "-rlF", f"{place}/", layout.version("a")], capture_output=True, text=True)
        assert (grep.returncode, grep.stdout) == (1, "")
    script = (layout.version("a") / "anaconda3/bin/tiny-sky").read_text()
    assert script.startswith(f"#!{layout.live}/anaconda3/bin/python")
    assert list(layout.version("a").rglob("tiny_sky/__pycache__/*.pyc"))


def test_a_second_version_costs_its_difference(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", **asked(index, "a"))
    runner.run("build", **asked(index, "b"))
    measured = sizes.refresh(layout)
    assert measured["b"].unique_bytes < measured["b"].bytes / 2
    runner.run("deploy", version="a")
    copied = runner.run("deploy", version="b")["copied_bytes"]
    assert copied <= measured["b"].unique_bytes
    assert runner.run("revert", version="a")["copied_bytes"] == 0
    for name in ("a", "b"):
        (layout.resident(name) / "anaconda3/pyvenv.cfg").read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "../x"}, "cannot name a version"),
        ({"version": "hdd"}, "choose another"),
        ({"recipe_text": "name = "}, "not valid TOML"),
        ({"options": ["nope"]}, "no option “nope”"),
        ({"kernel_dir": "/no/such"}, "does not exist"),
        ({"strategy": "magic"}, "not available"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    layout: Layout, runner: Runner, index: Index, change: dict[str, object], says: str
) -> None:
    before = state(layout)
    with pytest.raises(Refused, match=says):
        runner.run("build", **(asked(index, "a") | change))
    assert state(layout) == before
    assert journal.history(layout) == []


def test_a_name_that_is_taken_is_refused(layout: Layout, runner: Runner, index: Index) -> None:
    (layout.root / "sw.a").mkdir()
    with pytest.raises(Refused, match="is there already"):
        runner.run("build", **asked(index, "a"))


def test_a_package_that_does_not_exist_fails_and_leaves_nothing(layout: Layout, runner: Runner, index: Index) -> None:
    before = state(layout)
    with pytest.raises(CommandFailed, match="tiny-nothing"):
        runner.run("build", **asked(index, "a", "tiny-nothing"))
    assert state(layout) == before
    assert [entry["outcome"] for entry in journal.history(layout)] == ["undone"]
    runner.run("build", **asked(index, "a"))


def test_a_cancelled_build_leaves_nothing(layout: Layout, runner: Runner, index: Index) -> None:
    before = state(layout)
    threading.Timer(0.15, runner.stop.cancelled.set).start()
    before = build_until_cancelled(runner, index, before)
    assert state(layout) == before


def build_until_cancelled(runner: Runner, index: Index, before: set[str]) -> set[str]:
    """Build until a cancel, at whatever point it comes; gives back the state before the cancelled build."""
    for number in range(50):
        try:
            runner.run("build", **asked(index, f"n{number}"))
        except Cancelled:
            return before
        before = state(runner.layout)
    raise AssertionError("no build was cancelled")


@pytest.fixture
def small(tmp_path: Path, owner: Owner) -> Iterator[Layout]:
    """A root on a filesystem of 64 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=True)
    layout = Layout(place / "data0")
    ramdisk.prepare(layout, owner)
    yield layout
    ramdisk.private_directory(layout).rmdir()
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_too_small_is_refused_with_numbers(small: Layout, owner: Owner, index: Index) -> None:
    before = state(small)
    with pytest.raises(
        Refused, match=r"A build of “a” needs about [\d,]+ MB on the disk of .*, which has [\d.]+ MB free"
    ):
        Runner(small, owner).run("build", **asked(index, "a"))
    assert state(small) == before


def test_a_ramdisk_too_small_is_refused_with_numbers(
    layout: Layout, runner: Runner, index: Index, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    runner.run("build", **asked(index, "a"))
    layout.ramdisk.unlink()
    layout.ramdisk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", layout.ramdisk], check=True)
    try:
        with pytest.raises(Refused, match=r"needs about [\d.]+ MB on the ramdisk, which has [\d.]+ MB"):
            runner.run("deploy", version="a")
        assert list(layout.ramdisk.iterdir()) == []
        assert not layout.live.is_symlink()
    finally:
        subprocess.run(["umount", "-l", layout.ramdisk], check=True)


def test_a_revert_does_not_wait_behind_a_build(layout: Layout, runner: Runner, owner: Owner, index: Index) -> None:
    for name in ("a", "b"):
        runner.run("build", **asked(index, name))
        runner.run("deploy", version=name)
    other = Runner(layout, owner)
    building = threading.Thread(target=other.run, args=("build",), kwargs=asked(index, "c"))
    building.start()
    while ("install-anaconda3", "running") not in other.steps:
        time.sleep(0.001)
    started = time.monotonic()
    runner.run("revert", version="a")
    took = time.monotonic() - started
    assert building.is_alive()
    building.join()
    assert took < 2
    assert versions.sealed(layout, "c")
