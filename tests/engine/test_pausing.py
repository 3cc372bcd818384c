"""Pausing under layout resident: not needed, and so only done when asked for; then started again whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.engine import journal, recovery, resident, services
from stacks.engine.errors import Failed
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner


@pytest.fixture
def flag(layout: Layout, version: Make, runner: Runner, tmp_path: Path) -> Path:
    """A machine with version “a” active and a service that runs while a file is there, and notes what it serves."""
    for name in "ab":
        version(name, {"file": name}, mtime=1e9)
    runner.run("deploy", version="a")
    running, served = tmp_path / "running", tmp_path / "served"
    note = f"cat {layout.live}/file >> {served}"
    asked: list[dict[str, object]] = [
        {
            "name": "notebooks",
            "status": ["test", "-e", str(running)],
            "stop": ["sh", "-c", f"rm {running}; {note}"],
            "start": ["sh", "-c", f"touch {running}; {note}"],
        },
        {"name": "idle", "status": ["false"], "stop": ["false"], "start": ["false"]},
    ]
    services.configure(layout, asked)
    running.touch()
    return running


def served(flag: Path) -> str:
    file = flag.with_name("served")
    return file.read_text() if file.exists() else ""


def test_by_default_services_go_on(layout: Layout, runner: Runner, flag: Path) -> None:
    runner.run("deploy", version="b")
    assert (flag.exists(), served(flag)) == (True, "")


def test_when_asked_for_they_are_down_while_the_link_moves(layout: Layout, runner: Runner, flag: Path) -> None:
    runner.run("deploy", version="b", pause=True)
    assert (flag.exists(), served(flag)) == (True, "ab")
    runner.run("revert", version="a", pause=True)
    assert (flag.exists(), served(flag)) == (True, "abba")


def test_what_did_not_run_stays_down(layout: Layout, runner: Runner, flag: Path) -> None:
    flag.unlink()
    runner.run("deploy", version="b", pause=True)
    assert (flag.exists(), served(flag)) == (False, "")


@pytest.mark.parametrize("last", ["pause", "activate"])
def test_after_a_kill_it_is_started_again(layout: Layout, runner: Runner, flag: Path, last: str) -> None:
    asked = {"version": "b", "pause": True}
    plan, context = runner.plan("deploy", **asked), runner.context(asked)
    for step in plan.steps:
        step.run(context)
        if step.name == last:
            break
    assert not flag.exists()
    recovery.recover(layout, "live")
    assert flag.exists()
    assert resident.active(layout) == ("b" if last == "activate" else "a")


def test_a_failure_starts_it_again(layout: Layout, runner: Runner, flag: Path) -> None:
    stubborn: dict[str, object] = {"name": "stuck", "status": ["true"], "stop": ["false"], "start": ["true"]}
    first: dict[str, object] = {"name": "notebooks", "status": ["test", "-e", str(flag)], "stop": ["rm", str(flag)]}
    services.configure(layout, [first | {"start": ["touch", str(flag)]}, stubborn])
    with pytest.raises(Failed, match="stop stuck ended with status 1"):
        runner.run("deploy", version="b", pause=True)
    assert flag.exists()
    assert resident.active(layout) == "a"
    assert journal.history(layout)[-1]["outcome"] == "undone"
