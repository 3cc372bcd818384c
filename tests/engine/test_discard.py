"""Discarding drift: what users changed in the active tree goes, in one instant; what others own stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stacks.engine import durable, journal, manifest, recovery, removal, resident, versions
from stacks.engine.errors import Refused, VerifyFailed
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner, same


@pytest.fixture
def drifted(layout: Layout, version: Make, runner: Runner) -> Layout:
    """A machine whose active tree “b” was written to, also without a trace in size and mtime."""
    for name in "ab":
        version(name, {"file": name, "lib/constant": "6.67", "lib/same": "same"}, mtime=1e9)
        runner.run("deploy", version=name)
    tree = layout.resident("b")
    (tree / "new").write_text("added by hand")
    (tree / "file").unlink()
    replace(tree / "lib/constant", "6.68")
    return layout


def replace(file: Path, text: str) -> None:
    """Write another content under the same size and mtime, as a hand-made copy does."""
    aside = file.with_name("aside")
    aside.write_text(text)
    os.utime(aside, (1e9, 1e9))
    aside.chmod(file.stat().st_mode)
    aside.rename(file)


def test_the_active_tree_is_again_what_was_sealed(drifted: Layout, runner: Runner) -> None:
    outcome = runner.run("discard")
    same(drifted.version("b"), drifted.resident("b"))
    assert (drifted.live / "lib/constant").read_text() == "6.67"
    assert {item["path"] for item in outcome["discarded"]} >= {"new", "file"}
    assert resident.active(drifted) == resident.backing(drifted) == "b"
    assert not drifted.staging("b").exists()
    assert journal.history(drifted)[-1]["kind"] == "discard"
    assert runner.run("revert", version="a")["version"] == "a"


def test_readers_see_the_old_tree_or_the_new(drifted: Layout, runner: Runner) -> None:
    plan, context = runner.plan("discard"), runner.context({})
    for step in plan.steps[:-1]:
        step.run(context)
        assert (drifted.live / "new").exists()
    plan.steps[-1].run(context)
    assert not (drifted.live / "new").exists()


@pytest.mark.parametrize("killed_after", range(1, 5))
def test_killed_half_way_what_users_have_is_whole(drifted: Layout, runner: Runner, killed_after: int) -> None:
    plan, context = runner.plan("discard"), runner.context({})
    for step in plan.steps[:killed_after]:
        step.run(context)
    recovery.recover(drifted, "live")
    assert (drifted.live / "new").exists() == (killed_after < 4)
    assert not drifted.staging("b").exists()
    assert journal.pending(drifted, "live") is None


def test_a_kill_right_after_the_exchange_leaves_no_old_tree(drifted: Layout, runner: Runner) -> None:
    plan, context = runner.plan("discard"), runner.context({})
    for step in plan.steps[:-1]:
        step.run(context)
    description = versions.need_sealed(drifted, "b")
    versions.mark(drifted.staging("b"), description)
    durable.exchange(drifted.staging("b"), drifted.resident("b"))
    recovery.recover(drifted, "live")
    same(drifted.version("b"), drifted.resident("b"))
    assert not drifted.staging("b").exists()


def test_a_damaged_copy_on_disk_is_never_put_in_place(drifted: Layout, runner: Runner) -> None:
    removal.drop(drifted, "a")  # else its files would be shared rather than the damaged ones
    replace(drifted.version("b") / "lib/constant", "9.99")
    with pytest.raises(VerifyFailed, match="lib/constant"):
        runner.run("discard")
    assert (drifted.live / "new").exists()
    assert not drifted.staging("b").exists()


def test_what_cannot_be_trusted_is_refused(drifted: Layout, runner: Runner) -> None:
    versions.unmark(drifted.resident("b"))
    before = manifest.scan(drifted.resident("b"))
    with pytest.raises(Refused, match="does not carry the identity"):
        runner.plan("discard")
    assert manifest.scan(drifted.resident("b")) == before
