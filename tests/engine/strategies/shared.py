"""What the tests of the strategies ask for and compare."""

from __future__ import annotations

import gc
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.engine import journal, links, services
from stacks.engine.layout import Layout
from stacks.engine.locks import is_free
from tests.engine.conftest import Runner
from tests.engine.test_script import RECIPE as SCRIPTED
from tests.engine.test_script import commit
from tests.wheels import Index, tiny_recipe


def asked(index: Index, name: str, *packages: str, **more: object) -> dict[str, object]:
    return {"version": name, "generation": 1, "recipe_text": tiny_recipe(index, *packages), **more}


def ran(layout: Layout) -> list[str]:
    return [service.name for service in services.running(services.configured(layout))]


def as_before(layout: Layout, before: str | None) -> None:
    """The live path says what it said, the lanes are free, and nothing of the build is left."""
    assert links.target(layout.live) == before
    assert (is_free(layout, "live"), is_free(layout, "build")) == (True, True)
    assert journal.pending(layout, "build") is None
    assert not os.path.lexists(layout.building)
    assert not os.path.lexists(layout.ramdisk / ".dlstack-build")
    assert not [path for path in layout.root.iterdir() if path.name.startswith(".sw")]


def grep(tree: Path, *places: Path) -> str:
    needles = [word for place in places for word in ("-e", f"{place}/")]
    return subprocess.run(["grep", "-rlF", *needles, str(tree)], capture_output=True, text=True, check=False).stdout


def wait_for(reached: Callable[[], bool], seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.01)


def killed_after(runner: Runner, parameters: dict[str, object], number: int) -> None:
    plan, context = runner.plan("build", **parameters), runner.context(parameters)
    for step in plan.steps[:number]:
        step.run(context)
    del plan, step
    gc.collect()  # the kernel would close the lock's descriptor


BOTH = pytest.mark.parametrize("strategy", ["repoint", "in-production"])


def script_asked(repository: Path, strategy: str, script: str) -> dict[str, object]:
    """Commit a script; gives the parameters of a build that runs it."""
    commit(repository, {"run.sh": f"#!/bin/sh\n{script}\n"})
    text = SCRIPTED.format(source=repository, script="run.sh", ref="HEAD")
    return {"version": "b", "generation": 2, "recipe_text": text, "strategy": strategy}
