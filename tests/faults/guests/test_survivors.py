"""Whatever a build does, and however its operation ends: nothing that it started is left (N7)."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import cycle, islice, product
from pathlib import Path

import pytest

from stacks.engine import recovery
from stacks.engine.errors import Cancelled, EngineError
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.conftest import REPOSITORY
from tests.engine.conftest import Runner
from tests.faults.conftest import Figure
from tests.faults.guests.conftest import WITHIN, Guests, Script, asked
from tests.faults.guests.scripts import HOSTILE

PHASES = ("Prepare", "git checkout", "Install", "hostile.py in")

End = Callable[[str, random.Random], bool]  # whether the build was still running


@pytest.fixture
def cancelling(layout: Layout, owner: Owner) -> End:
    """Build in this process, and cancel: some time after the beginning, or after the script says that it is ready."""

    def end(recipe: str, chance: random.Random) -> bool:
        runner = Runner(layout, owner)
        at_once = chance.random() < 0.3
        delay = chance.random() * (2.0 if at_once else 0.2)
        timer = threading.Timer(delay, runner.stop.cancelled.set)

        class Hearing(list[Event]):
            def append(self, event: Event) -> None:
                if event.text.endswith("ready") and not timer.ident:  # others write to the same line
                    timer.start()

        runner.events = Hearing()
        if at_once:
            timer.start()
        with pytest.raises((Cancelled, EngineError)):
            runner.run("build", **asked(recipe))
        timer.cancel()
        return runner.stop.cancelled.is_set()

    return end


@pytest.fixture
def killing(layout: Layout, owner: Owner, tmp_path: Path) -> End:
    """Build in a worker's process, and kill that with SIGKILL at any moment."""

    def end(recipe: str, chance: random.Random) -> bool:
        orders = tmp_path / "orders.json"
        known = {"root": str(layout.root), "uid": owner.uid, "gid": owner.gid, "parameters": asked(recipe)}
        orders.write_text(json.dumps(known))
        argv = [sys.executable, "-m", "tests.faults.guests.worker", str(orders)]
        worker = subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert worker.stdout is not None
        until = "ready" if chance.random() < 0.6 else chance.choice(PHASES)
        said: list[str] = []
        for line in worker.stdout:
            said.append(line)
            if until in line:
                break
        try:
            worker.wait(chance.random() * 0.1)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            worker.stdout.close()
            return True
        said += worker.stdout
        worker.stdout.close()
        assert any("ended without making" in line for line in said), f"no build was killed: {said[-5:]}"
        return False

    return end


def test_nothing_of_a_hostile_build_is_left(  # noqa: PLR0917 — each is a fixture
    layout: Layout, guests: Guests, scripted: Script, cancelling: End, killing: End, figure: Figure, full: bool
) -> None:
    count = 200 if full else 6
    chance = random.Random(20261125)
    recipes = {name: scripted(script) for name, script in HOSTILE.items()}
    cases = islice(cycle(product((killing, cancelling), HOSTILE)), 0, None, 1 if full else 3)
    longest, in_time = 0.0, 0
    for end, name in islice(cases, count):
        in_time += end(recipes[name], chance)
        longest = max(longest, guests.seconds_until_gone())
        recovery.recover(layout, "build")
    assert in_time > 0.7 * count  # the others had ended by themselves before
    row = f"{count} hostile builds, cancelled or their worker killed"
    figure(row, goal="0 surviving processes in 10 s", got=f"0, longest {longest:.1f} s", ok=longest <= WITHIN)
    Runner(layout, guests.owner).run("build", **asked(scripted("import os; os.mkdir('anaconda3')")))
    assert layout.version("a").is_dir()
