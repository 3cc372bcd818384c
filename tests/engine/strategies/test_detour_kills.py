"""A build at the live path that is cancelled or killed: the live path and the services are as before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stacks.engine import detour, journal, links, recovery, resident, services, versions
from stacks.engine.errors import Cancelled, Refused
from stacks.engine.layout import Layout
from stacks.engine.locks import is_free, lane_lock
from tests.conftest import REPOSITORY
from tests.engine.conftest import Runner
from tests.engine.strategies.shared import BOTH, as_before, asked, killed_after, ran, script_asked, wait_for
from tests.wheels import Index


@BOTH
def test_a_cancel_puts_all_back_and_ends_what_the_build_started(
    production: Layout, runner: Runner, repository: Path, strategy: str, notebooks: services.Service
) -> None:
    before = links.target(production.live)
    loop = f"trap : TERM; while :; do : {production.live}; sleep 0.05; done"
    parameters = script_asked(repository, strategy, f"setsid sh -c '{loop}' &\nmkdir anaconda3\ntrap : TERM\nwait")
    begun = threading.Timer(0, lambda: wait_and_cancel(production, runner))
    begun.start()
    with pytest.raises(Cancelled):
        runner.run("build", **parameters)
    begun.join()
    as_before(production, before)
    assert ran(production) == ["notebooks"]
    assert (
        subprocess.run(["pgrep", "-f", f": {production.live}"], capture_output=True, text=True, check=False).stdout
        == ""
    )


def wait_and_cancel(layout: Layout, runner: Runner) -> None:
    wait_for(lambda: (layout.live / "anaconda3").is_dir() and layout.live.resolve().name == "sw")
    runner.stop.cancelled.set()


@BOTH
@pytest.mark.parametrize("when", ["paused", "away", "installing"])
def test_killed_while_the_link_is_elsewhere(
    production: Layout, repository: Path, strategy: str, when: str, notebooks: services.Service
) -> None:
    """The worker is killed with -9; recovery puts everything back, whichever lane begins first."""
    before = links.target(production.live)
    worker = begin(production, script_asked(repository, strategy, "mkdir anaconda3\nsleep 600"))
    try:
        reached = {
            "paused": lambda: detour.pending(production) is not None,
            "away": lambda: links.target(production.live) != before,
            "installing": lambda: production.live.resolve().name == "sw" and (production.live / "anaconda3").is_dir(),
        }
        wait_for(reached[when])
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    wait_for(lambda: is_free(production, "live") and is_free(production, "build"), 10)
    lanes = ("live", "build") if when == "away" else ("build",)
    for lane in lanes:
        with lane_lock(production, lane):
            said = recovery.recover(production, lane)
            assert said
    as_before(production, before)
    assert ran(production) == ["notebooks"]
    assert resident.active(production) == "a"
    assert versions.directories(production) == ["a"]


def begin(layout: Layout, parameters: dict[str, object]) -> subprocess.Popen[bytes]:
    orders = layout.root.parent / "orders.json"
    orders.write_text(json.dumps({"root": str(layout.root), "kind": "build", "parameters": parameters}))
    return subprocess.Popen([sys.executable, "-m", "tests.engine.run_plan", str(orders)], cwd=REPOSITORY)


@BOTH
def test_killed_between_any_two_steps(
    production: Layout, runner: Runner, index: Index, strategy: str, notebooks: services.Service
) -> None:
    before = links.target(production.live)
    parameters = asked(index, "b", strategy=strategy)
    names = [step.name for step in runner.plan("build", **parameters).steps]
    for number in range(1, len(names)):
        killed_after(runner, parameters, number)
        intent = journal.pending(production, "build")
        assert intent is not None
        assert Path(intent["inputs"]).is_dir()
        if "detour" in intent:
            os.symlink("half", production.root / ".sw.new-1-dead")
        recovery.recover(production, "build")
        assert not Path(intent["inputs"]).exists()
        as_before(production, before)
        assert ran(production) == ["notebooks"], names[:number]
        assert versions.directories(production) == ["a"]


def test_a_revert_after_a_kill_leads_the_live_path_back_first(
    layout: Layout, runner: Runner, index: Index, notebooks: services.Service
) -> None:
    for name in ("a", "b"):
        runner.run("build", **asked(index, name))
        runner.run("deploy", version=name)
    killed_after(runner, asked(index, "c", strategy="repoint"), 4)
    assert links.target(layout.live) == ".dlstack/build/sw"
    command = [sys.executable, "-m", "stacks.engine", "revert", str(layout.root), "a"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "was killed. The live path says again" in done.stdout
    assert resident.active(layout) == "a"
    assert ran(layout) == ["notebooks"]
    with lane_lock(layout, "build"):
        assert "half-made version “c” was removed" in recovery.recover(layout, "build")[0]
    as_before(layout, "sw.tmpfs/a")


def test_a_busy_live_lane_breaks_nothing_and_keeps_the_word_for_later(
    layout: Layout, runner: Runner, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detour, "PATIENCE", 0.3)
    killed_after(runner, asked(index, "c", strategy="repoint"), 4)
    with lane_lock(layout, "live", "operation #7"), pytest.raises(Refused, match="in use by operation #7"):
        recovery.recover(layout, "build")
    assert detour.pending(layout)
    assert layout.building.is_dir()
    recovery.recover(layout, "build")
    as_before(layout, None)
    with lane_lock(layout, "live", "operation #8"), pytest.raises(Refused, match="in use by operation #8"):
        runner.run("build", **asked(index, "d", strategy="repoint"))
    as_before(layout, None)


def test_a_live_path_that_somebody_set_meanwhile_is_left_alone(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", **asked(index, "a"))
    killed_after(runner, asked(index, "c", strategy="repoint"), 4)
    links.switch(layout.live, "sw.a", tree=layout.version("a"))
    assert "had been set to something else" in recovery.recover(layout, "build")[0]
    as_before(layout, "sw.a")
