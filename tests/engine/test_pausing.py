"""Pausing under layout resident: not needed, and so only done when asked for; then started again whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from stacks.engine import journal, recovery, resident, services
from stacks.engine.errors import Failed, Refused
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from tests.engine.conftest import Make, Runner
from tests.waiting import until


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


def stopping_by(layout: Layout, flag: Path, script: str) -> None:
    """Have the service stopped by this script."""
    told: dict[str, object] = {"name": "notebooks", "status": ["test", "-e", str(flag)], "stop": ["sh", "-c", script]}
    services.configure(layout, [told | {"start": ["sh", "-c", f"echo started again > {flag}"]}])


def test_what_is_on_its_way_down_when_the_worker_dies_is_started_again(
    layout: Layout, runner: Runner, flag: Path
) -> None:
    asked_to_stop = flag.with_name("asked")
    stopping_by(layout, flag, f"touch {asked_to_stop}")
    manager = subprocess.Popen(["sh", "-c", f"until test -e {asked_to_stop}; do sleep 0.05; done; sleep 1; rm {flag}"])
    asked = {"version": "b", "pause": True}
    plan, context = runner.plan("deploy", **asked), runner.context(asked)
    next(step for step in plan.steps if step.name == "preflight").run(context)
    services.configured(layout)[0].stop(context.sink)  # the first that the pause does
    recovery.recover(layout, "live")
    assert (flag.read_text(), manager.wait(10)) == ("started again\n", 0)


def test_a_recovery_waits_for_the_stop_of_a_worker_that_was_killed(layout: Layout, runner: Runner, flag: Path) -> None:
    begun = flag.with_name("begun")
    stopping_by(layout, flag, f"(touch {begun}; sleep 1; rm {flag}); true")
    worker = os.fork()
    if worker == 0:
        pause_as_a_worker(layout, runner)
    until(begun.exists, within=10)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    with pytest.raises(Refused), lane_lock(layout, "live", "a recovery that comes too early"):
        pass
    until(lambda: not flag.exists(), within=10)
    until(lambda: recovered(layout), within=10)
    assert flag.read_text() == "started again\n"


def pause_as_a_worker(layout: Layout, runner: Runner) -> None:
    """Be a worker that deploys as far as it pauses, and never return."""
    try:
        asked = {"version": "b", "pause": True}
        with lane_lock(layout, "live", "a worker that will be killed") as lock:
            context = runner.context(asked)
            context.lock_fds = (lock,)
            for step in runner.plan("deploy", **asked).steps:
                step.run(context)
    finally:
        os._exit(1)


def recovered(layout: Layout) -> bool:
    """Recover, if the lane is free."""
    try:
        with lane_lock(layout, "live", "a recovery"):
            return bool(recovery.recover(layout, "live"))
    except Refused:
        return False


def test_a_failure_starts_it_again(layout: Layout, runner: Runner, flag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SETTLED", 0.2)
    stubborn: dict[str, object] = {"name": "stuck", "status": ["true"], "stop": ["false"], "start": ["true"]}
    first: dict[str, object] = {"name": "notebooks", "status": ["test", "-e", str(flag)], "stop": ["rm", str(flag)]}
    services.configure(layout, [first | {"start": ["touch", str(flag)]}, stubborn])
    with pytest.raises(Failed, match="stop stuck ended with status 1"):
        runner.run("deploy", version="b", pause=True)
    assert flag.exists()
    assert resident.active(layout) == "a"
    assert journal.history(layout)[-1]["outcome"] == "undone"
