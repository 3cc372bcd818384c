"""What killed operations leave goes with the next recovery; what an operation still needs, or somebody has, stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stacks.engine import exchanges, inplace, journal, recovery, resident, versions
from stacks.engine.kernels import variant
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.owner import Owner
from tests.engine.conftest import Make, Runner, write_tree

KILLED = 137


@pytest.fixture
def active(layout: Layout, version: Make, runner: Runner) -> Layout:
    version("a", {"file": "a"}, mtime=1e9)
    runner.run("deploy", version="a")
    return layout


def test_what_the_live_lane_leaves_goes(active: Layout) -> None:
    identity = f".{IDENTITY}.new-1-00"
    left = [active.version("a") / identity, active.resident("a") / identity, active.ramdisk / identity]
    left += [active.state / ".in-place.new-1-00", active.root / ".sw.new-1-00"]
    for path in left[:-1]:
        path.touch()
    left[-1].symlink_to("sw.a")
    staged = [active.staging("b"), active.staging("external-7")]
    for path in staged:
        write_tree(path, {"half": "made"})
    recovery.recover(active, "live")
    assert [path for path in (*left, *staged) if os.path.lexists(path)] == []
    assert (active.live / "file").read_text() == "a"


def test_what_others_own_and_is_kept_for_later_stays(active: Layout) -> None:
    kept = active.staging("x").parent / resident.ASIDE / "antares"
    kept.mkdir(parents=True)
    recovery.recover(active, "live")
    assert kept.is_dir()
    assert inplace._aside(active, "antares") == kept


def test_what_a_killed_removal_left_in_ram_goes_with_its_own_lane(active: Layout) -> None:
    write_tree(resident.trash(active) / ".b.new-1-00", {"half": "removed"})
    recovery.recover(active, "build")
    assert list(resident.trash(active).iterdir()) == []


def test_what_a_killed_withdrawal_of_a_kernelspec_left_goes(active: Layout) -> None:
    variant.trash(active).mkdir(parents=True)
    write_tree(variant.trash(active) / ".sw.b.new-1-00", {"half": "removed"})
    recovery.recover(active, "live")
    assert list(variant.trash(active).iterdir()) == []


def test_the_build_lane_leaves_what_the_live_lane_still_has_to_mend(active: Layout) -> None:
    write_tree(resident.trash(active) / ".b.new-1-00", {"half": "removed"})
    write_tree(active.staging("a"), {"antares/latest": "theirs"})
    journal.begin(active, "live", operation="1", kind="discard", version="a")
    recovery.recover(active, "build")
    assert (active.staging("a") / "antares/latest").exists()
    assert journal.pending(active, "live")


def test_what_an_operation_of_a_newer_dlstack_left_is_for_people_to_look_at(active: Layout) -> None:
    write_tree(active.staging("b"), {"half": "made"})
    journal.begin(active, "live", operation="1", kind="teleport", version="b")
    recovery.recover(active, "live")
    assert active.staging("b").is_dir()


def test_what_a_killed_trial_of_a_kernel_left_goes(
    active: Layout, owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DLStack's directories may be root's, as the build area is the stack's owner's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"{exchanges.PREFIX}dead"
    write_tree(left, {"connection.json": "{}"})
    os.chown(left, owner.uid, owner.gid)
    recovery.recover(active, "live")
    assert not left.exists()


def test_a_backup_killed_before_the_old_tree_is_retired(
    active: Layout, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a revert to the version would serve the drift that was kept as another."""
    (active.live / "new").touch()
    context, steps = runner.context({}), runner.plan("backup").steps
    if (child := os.fork()) == 0:
        monkeypatch.setattr(resident, "retire", lambda *_: os._exit(KILLED))
        try:
            for step in steps:
                step.run(context)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
    assert set(versions.residents(active)) == {"a", "a+1"}
    assert "“a+1” had become active" in " ".join(recovery.recover(active, "build"))
    assert set(versions.residents(active)) == {"a+1"}
    assert journal.pending(active, "live") is None
    runner.run("revert", version="a")
    assert not (active.live / "new").exists()
