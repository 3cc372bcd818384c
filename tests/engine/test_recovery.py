"""What a killed operation left, at each of its points, is brought to the old state or the new one."""

from __future__ import annotations

import os

import pytest

from stacks.engine import journal, recovery, resident, versions
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.engine.trees import Porter
from tests.engine.conftest import Make, Runner, write_tree


@pytest.fixture
def pair(layout: Layout, version: Make, runner: Runner) -> Layout:
    version("a", {"file": "a", "same": "same"}, mtime=1e9)
    version("b", {"file": "b", "same": "same"}, mtime=1e9)
    runner.run("deploy", version="a")
    return layout


def intend(layout: Layout) -> None:
    journal.begin(layout, "live", operation="9", kind="deploy", version="b", previous="a")


def check(layout: Layout, active: str) -> None:
    assert resident.active(layout) == active == resident.backing(layout)
    assert (layout.live / "file").read_text() == active
    assert journal.pending(layout, "live") is None
    assert not layout.staging("b").exists()
    assert not [path for path in layout.root.iterdir() if path.name.startswith(".sw")]


def test_nothing_pending_is_nothing_to_do(pair: Layout) -> None:
    assert recovery.recover(pair, "live") == []
    check(pair, "a")


def test_half_written_records_are_swept_but_those_of_a_lane_that_works(pair: Layout) -> None:
    left = pair.state / ".pending-live.json.new-1-00"
    other = pair.state / ".pending-build.json.new-1-00"
    sizes = pair.state / ".sizes.json.new-1-00"
    for path in (left, other, sizes):
        path.touch()
    with lane_lock(pair, "build", "operation #7"):
        recovery.recover(pair, "live")
    assert (left.exists(), other.exists(), sizes.exists()) == (False, True, True)
    recovery.recover(pair, "live")
    assert not other.exists()
    assert not sizes.exists()


def test_killed_before_the_copy(pair: Layout) -> None:
    intend(pair)
    assert "had not become active" in recovery.recover(pair, "live")[0]
    check(pair, "a")


def test_killed_in_the_copy(pair: Layout) -> None:
    intend(pair)
    write_tree(pair.staging("b"), {"half": "made"})
    recovery.recover(pair, "live")
    check(pair, "a")


def test_killed_with_a_whole_copy_in_place(pair: Layout, porter: Porter) -> None:
    intend(pair)
    resident.stage(pair, versions.need_sealed(pair, "b"), porter)
    resident.admit(pair, versions.need_sealed(pair, "b"))
    os.symlink("sw.tmpfs/b", pair.root / ".sw.new-1-dead")
    recovery.recover(pair, "live")
    check(pair, "a")


def test_killed_between_the_two_links(pair: Layout, porter: Porter) -> None:
    intend(pair)
    resident.stage(pair, versions.need_sealed(pair, "b"), porter)
    resident.admit(pair, versions.need_sealed(pair, "b"))
    os.unlink(pair.live)
    os.symlink("sw.tmpfs/b", pair.live)
    assert resident.backing(pair) == "a"
    assert "had become active" in recovery.recover(pair, "live")[0]
    check(pair, "b")


def test_killed_in_the_removal_of_a_tree(pair: Layout) -> None:
    write_tree(pair.staging("x"), {})
    resident.trash(pair).mkdir(exist_ok=True)
    write_tree(resident.trash(pair) / ".x.new-1-1", {"file": "left"})
    recovery.recover(pair, "live")
    assert list(resident.trash(pair).iterdir()) == []


def build_intent(layout: Layout) -> None:
    journal.begin(layout, "build", operation="9", kind="build", version="c")


def test_a_killed_build_leaves_nothing_but_the_caches(pair: Layout) -> None:
    build_intent(pair)
    write_tree(pair.building, {"half": "made"})
    (pair.cache / "kept").touch()
    assert "was removed" in recovery.recover(pair, "build")[0]
    assert not pair.building.exists()
    assert (pair.cache / "kept").exists()
    assert versions.directories(pair) == ["a", "b"]


def test_a_build_killed_after_its_description_is_undone(pair: Layout) -> None:
    build_intent(pair)
    write_tree(pair.building, {"whole": "tree"})
    os.mkdir(pair.description("c"))
    (pair.description("c") / "version.json").write_text("{}")
    os.mkdir(pair.state / "versions" / ".d.new-1-dead")
    recovery.recover(pair, "build")
    assert sorted(path.name for path in (pair.state / "versions").iterdir()) == ["a", "b"]


def test_a_build_killed_after_its_last_rename_is_complete(pair: Layout, version: Make) -> None:
    build_intent(pair)
    version("c", {"file": "c"})
    assert "is complete" in recovery.recover(pair, "build")[0]
    assert versions.sealed(pair, "c")


def test_a_planted_symlink_in_the_place_of_the_build_is_not_followed(pair: Layout) -> None:
    build_intent(pair)
    pair.building.symlink_to(pair.version("a"))
    recovery.recover(pair, "build")
    assert (pair.version("a") / "file").read_text() == "a"
    assert not pair.building.is_symlink()
