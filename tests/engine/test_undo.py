"""What is undone is undone to the last link, whatever is killed or fails on the way, and never at others' expense."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import drift, inplace, journal, links, recovery, resident, services, versions
from stacks.engine.errors import Cancelled, Failed
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner


@pytest.fixture
def two(layout: Layout, version: Make, runner: Runner) -> Layout:
    """Versions a and b, of which a is active."""
    for name in "ab":
        version(name, {"file": name} | {f"lib/m{number}": "" for number in range(50)}, mtime=1e9)
    runner.run("deploy", version="a")
    return layout


def both(layout: Layout) -> tuple[str | None, str | None]:
    return links.target(layout.live), links.target(layout.backing)


def until(runner: Runner, kind: str, last: str, **asked: Any) -> None:
    """Carry a plan out as far as the end of a step, as if the worker had been killed there."""
    plan, context = runner.plan(kind, **asked), runner.context(asked)
    for step in plan.steps:
        step.run(context)
        if step.name == last:
            return


def test_an_undo_killed_between_its_two_links_is_completed(two: Layout, runner: Runner) -> None:
    until(runner, "deploy", "activate", version="b")
    assert both(two) == ("sw.tmpfs/b", "sw.b")
    links.put_back(two.live, "sw.tmpfs/a")  # and here the undoing worker is killed
    recovery.recover(two, "live")
    assert both(two) == ("sw.tmpfs/a", "sw.a")
    assert journal.pending(two, "live") is None


def test_a_failure_after_the_switch_leads_back_to_a_copy_on_disk(
    two: Layout, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    links.switch(two.live, "sw.a", tree=two.version("a"))
    (two.resident("a") / ".dlstack.json").unlink()  # as after a reboot: nothing is in the ramdisk
    monkeypatch.setattr(resident, "confirm", _raises(Failed("the live path reads otherwise")))
    with pytest.raises(Failed, match="reads otherwise"):
        runner.run("deploy", version="b")
    assert both(two) == ("sw.a", "sw.a")
    assert journal.pending(two, "live") is None
    assert not two.staging("b").exists()


def test_the_first_deploy_that_fails_leaves_no_link(
    layout: Layout, version: Make, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    version("a", {"file": "a"})
    monkeypatch.setattr(resident, "confirm", _raises(Failed("no")))
    with pytest.raises(Failed):
        runner.run("deploy", version="a")
    assert both(layout) == (None, None)


def test_a_cancelled_discard_in_place_leaves_a_whole_tree(
    two: Layout, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    inplace.set_layout(two, in_place=True)
    for name in os.listdir(two.ramdisk):
        subprocess.run(["rm", "-rf", f"{two.ramdisk}/{name}"], check=True)
    two.live.unlink()
    two.backing.unlink()
    runner.run("deploy", version="a")
    (two.live / "new").touch()
    monkeypatch.setattr(inplace, "run", _raises(Cancelled("half-way")))
    with pytest.raises(Cancelled):
        runner.run("discard")
    found = versions.identity(Path(os.path.realpath(two.live)))
    assert found == versions.need_sealed(two, "a").identity


def test_a_backup_takes_up_what_a_killed_deploy_left(two: Layout, runner: Runner, tmp_path: Path) -> None:
    running = tmp_path / "running"
    service: dict[str, object] = {
        "name": "hub",
        "status": ["test", "-e", str(running)],
        "stop": ["rm", str(running)],
        "start": ["touch", str(running)],
    }
    services.configure(two, [service])
    running.touch()
    until(runner, "deploy", "pause", version="b", pause=True)
    assert not running.exists()
    (two.live / "new").touch()
    runner.run("backup")
    assert running.exists()
    kinds = [entry["kind"] for entry in journal.history(two)]
    assert kinds[-3:] == ["build", "deploy", "backup"]


def test_after_a_boot_the_services_are_their_managers_business(two: Layout, runner: Runner, tmp_path: Path) -> None:
    running = tmp_path / "running"
    start = ["touch", str(running)]
    services.configure(two, [{"name": "hub", "status": ["test", "-e", str(running)], "stop": ["true"], "start": start}])
    for boot, starts in (("another-boot", False), (None, True)):
        journal.begin(two, "live", operation="1", kind="deploy", version="b", previous="a", paused=["hub"])
        if boot:
            journal.amend(two, "live", boot=boot)
        recovery.recover(two, "live")
        assert running.exists() is starts


def test_an_operation_of_a_newer_dlstack_blocks_nothing(two: Layout, runner: Runner) -> None:
    journal.begin(two, "live", operation="1", kind="teleport", version="b")
    [said] = recovery.recover(two, "live")
    assert "does not know the operation “teleport”" in said
    runner.run("deploy", version="b")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/"), lambda path: path.touch()])
def test_what_a_guest_left_in_the_place_of_its_tree_is_cleared(
    two: Layout, runner: Runner, make: Callable[[Path], None]
) -> None:
    journal.begin(two, "build", operation="1", kind="build", version="c")
    make(two.building)
    recovery.recover(two, "build")
    assert not os.path.lexists(two.building)


@pytest.mark.parametrize(
    "line",
    [
        '{"operation": "1", "kind": "deploy", "outcome": "succeeded"}',
        '{"operation": "1", "kind": "deploy", "outcome": "succeeded", "version": ["b"]}',
        '{"operation": "1", "kind": ["deploy"], "outcome": "succeeded", "version": "b"}',
        '{"operation": "1", "kind": "deploy", "outcome": "succeeded", "version": "b", "at": "soon"}',
        '{"operation": "1", "kind": "deploy", "outcome": "succeeded", "version": "b", "ended": 1e30}',
        "[" * 100_000,
    ],
)
def test_a_damaged_line_of_the_history_stops_nothing(two: Layout, runner: Runner, line: str) -> None:
    runner.run("deploy", version="b")
    with (two.state / "history.jsonl").open("a") as file:
        file.write(f"{line}\n")
    assert journal.activations(two) == ["a", "b"]
    assert runner.run("revert", version="a")["version"] == "a"


def test_half_written_descriptions_of_the_live_lane_are_left_to_it(two: Layout) -> None:
    from stacks.engine.locks import lane_lock

    mine = two.state / "versions" / ".c.new-1-abc"
    mine.mkdir()
    with lane_lock(two, "live", "a kernel-install"):
        recovery.recover(two, "build")
        assert mine.exists()
    recovery.recover(two, "build")
    assert not mine.exists()


def _raises(error: BaseException) -> Callable[..., Any]:
    def work(*_: Any, **__: Any) -> Any:
        raise error

    return work


def test_drift_is_still_found_after_an_undo(two: Layout, runner: Runner) -> None:
    until(runner, "deploy", "activate", version="b")
    links.put_back(two.live, "sw.tmpfs/a")
    recovery.recover(two, "live")
    assert drift.trusted(two).name == "a"


def test_a_backup_that_fails_at_its_very_end_leaves_the_tree_before_trusted(
    two: Layout, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two.live / "added").write_text("by a user")
    unmark = versions.unmark

    def half(tree: Path) -> None:
        unmark(tree)
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(tree))  # as fsync of the directory may

    monkeypatch.setattr(versions, "unmark", half)
    with pytest.raises(OSError, match="Input/output error"):
        runner.run("backup")
    assert both(two) == ("sw.tmpfs/a", "sw.a")
    monkeypatch.undo()
    assert drift.trusted(two).name == "a"
    assert runner.run("backup")["activated"]


def test_a_backup_killed_while_it_is_withdrawn_is_completed(
    two: Layout, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two.live / "added").write_text("by a user")
    monkeypatch.setattr(versions, "unmark", _raises(Failed("no")))
    monkeypatch.setattr(resident, "undo", _raises(Failed("and here the worker is killed")))
    with pytest.raises(Failed, match="worker is killed"):
        runner.run("backup")
    monkeypatch.undo()
    recovery.recover(two, "build")
    assert both(two) == ("sw.tmpfs/a+1", "sw.a+1")
    assert drift.trusted(two).name == "a+1"
    assert "a" not in versions.residents(two)  # it holds what users changed


def test_a_tree_that_was_kept_as_another_version_is_no_copy_even_if_its_identity_cannot_be_read(
    two: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "identity", lambda tree: {})
    resident.retire(two, "a")
    monkeypatch.undo()
    assert "a" not in versions.residents(two)
