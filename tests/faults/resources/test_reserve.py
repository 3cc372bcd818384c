"""On a really full disk clean-up, revert and journal work, by the room that was kept back for them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks import home_room
from stacks.engine import journal, links, locks, mounts, recovery, reserve, resident, status, versions
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from tests.engine.conftest import Runner, make_version
from tests.engine.machines import OWNER, needs_root, unmount_below
from tests.faults.resources.tight import Tight, What, populate, tight

pytestmark = needs_root


@pytest.fixture(params=["tmpfs", "ext4"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tight]:
    if request.param == "tmpfs":
        with tight() as made:
            yield made
        return
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(64 * 1024**2)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-N", "1500", image], check=True)
    with tight(mount_disk=["mount", "-o", "loop", str(image)]) as made:
        yield made


@pytest.fixture
def runner(machine: Tight) -> Runner:
    runner = populate(machine)
    runner.run("deploy", version="b")
    return runner


def codes(layout: Layout) -> set[str]:
    return {problem.code for problem in status.problems(layout)}


def is_whole(layout: Layout) -> bool:
    """Tell whether every line of the history is a whole entry, and nothing is pending."""
    lines = (layout.state / "history.jsonl").read_text().splitlines()
    whole = all("outcome" in json.loads(line) for line in lines)
    return whole and not [path for path in layout.state.iterdir() if "pending" in path.name]


@pytest.mark.parametrize("what", ["bytes", "inodes"])
def test_revert_works_and_the_loss_is_shown_until_there_is_room(machine: Tight, runner: Runner, what: What) -> None:
    layout = machine.layout
    machine.fill("disk", what)
    assert runner.run("revert", version="a")["version"] == "a"
    assert (links.target(layout.live), links.target(layout.backing)) == ("sw.tmpfs/a", "sw.a")
    assert is_whole(layout)
    assert [entry["kind"] for entry in journal.history(layout)][-1] == "revert"
    assert "no-reserve" in codes(layout)
    machine.fill("disk", what)
    machine.relax()
    assert runner.run("revert", version="b")["version"] == "b"
    assert reserve.is_there(layout.state)
    assert "no-reserve" not in codes(layout)


@pytest.mark.parametrize("what", ["bytes", "inodes"])
def test_prune_works_and_gives_the_room_back(machine: Tight, runner: Runner, what: What) -> None:
    layout = machine.layout
    for name in "cd":
        make_version(layout, name, {"own": name * 300_000})
    machine.fill("disk", what)
    assert runner.run("prune", keep=1)["removed"] == ["c"]
    assert versions.directories(layout) == ["a", "b", "d"]
    assert list(layout.trash.iterdir()) == []
    assert is_whole(layout)
    assert mounts.room(layout.root).bytes_free > 250_000


@pytest.mark.parametrize("what", ["bytes", "inodes"])
def test_what_a_killed_operation_left_is_undone(machine: Tight, runner: Runner, what: What) -> None:
    layout = machine.layout
    journal.begin(layout, "live", operation="1", kind="deploy", version="a", previous="b")
    layout.staging("a").mkdir(parents=True)
    journal.begin(layout, "build", operation="2", kind="build", version="c")
    (layout.building / "lib").mkdir(parents=True)
    machine.fill("disk", what)
    for lane in ("live", "build"):
        with lane_lock(layout, lane, "the test"):
            assert recovery.recover(layout, lane)
    assert resident.active(layout) == "b"
    assert not layout.building.exists()
    assert not layout.staging("a").exists()
    assert is_whole(layout)


def test_an_entry_that_does_not_fit_leaves_the_history_as_it_was(machine: Tight, runner: Runner) -> None:
    layout = machine.layout
    reserve.spend(layout.state)
    before = (layout.state / "history.jsonl").read_bytes()
    machine.fill("disk", "bytes")
    with pytest.raises(OSError, match="No space left"):
        journal.append(layout, {"operation": "1", "kind": "deploy", "outcome": "x" * 100_000})
    assert (layout.state / "history.jsonl").read_bytes() == before
    machine.relax()
    journal.append(layout, {"operation": "1", "kind": "deploy", "outcome": "failed"})
    assert is_whole(layout)


def test_a_lock_can_be_taken_although_its_holder_cannot_be_written_down(machine: Tight, runner: Runner) -> None:
    layout = machine.layout
    reserve.spend(layout.state)
    machine.fill("disk", "bytes")
    with lane_lock(layout, "live", "x" * 5000):
        assert not locks.is_free(layout, "live")


def test_it_is_a_sixteenth_of_a_small_disk_and_its_owners() -> None:
    with tight() as machine:
        state = machine.layout.state
        os.chown(state, OWNER.uid, OWNER.gid)
        total = mounts.room(state).bytes_total
        assert reserve.keep(state, reserve.SIZE)
        found = [path.stat() for path in reserve.place(state).iterdir()]
        assert sum(one.st_blocks * 512 for one in found) == total // 16
        assert reserve.keep(state, 64 * 1024)
        found = [path.stat() for path in (reserve.place(state), *reserve.place(state).iterdir())]
        assert {(one.st_uid, one.st_gid) for one in found[1:]} == {(OWNER.uid, OWNER.gid)}
        assert len(found) == 2 + reserve.FILES
        assert reserve.keep(state, 0)
        assert reserve.is_there(state)
        unmount_below(machine.layout.ramdisk)


def test_one_that_was_never_made_is_offered_and_not_called_spent(machine: Tight) -> None:
    layout = machine.layout
    shutil.rmtree(reserve.place(layout.state))
    [told] = [one for one in status.problems(layout) if "reserve" in one.code]
    assert (told.code, "provision" in told.action, "spent" in told.message) == ("reserve-not-made", True, False)
    assert reserve.keep(layout.state, reserve.SIZE)
    assert reserve.spend(layout.state)
    assert "no-reserve" in codes(layout)
    assert "reserve-not-made" not in codes(layout)


def test_the_database_of_a_home_goes_on_by_what_was_kept_back_there(machine: Tight) -> None:
    home = machine.layout.root.parent
    database = sqlite3.connect(home / "db.sqlite3", isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("create table log (text)")
    assert reserve.keep(home, 2 * 1024**2)
    assert not home_room.relieve(home)
    assert home_room.problems(home) == []
    machine.fill("disk", "bytes")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.executemany("insert into log values (?)", [("x" * 10_000,)] * 100)
    assert home_room.relieve(home)
    assert not home_room.relieve(home)
    database.execute("insert into log values (?)", ("x" * 10_000,))
    assert [one.code for one in home_room.problems(home)] == ["home-reserve-spent"]
    machine.relax()
    assert reserve.renew(home)
    assert home_room.problems(home) == []
    database.close()


def test_it_is_not_made_of_the_last_room(machine: Tight) -> None:
    state = machine.layout.state
    assert reserve.spend(state)
    assert not reserve.spend(state)
    machine.fill("disk", "bytes", leave=3 * 1024**2)
    assert not reserve.renew(state)
    assert mounts.room(state).bytes_free >= 3 * 1024**2 - 8192
    machine.relax()
    assert reserve.renew(state)
