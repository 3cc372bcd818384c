"""Kernels that run are counted by version, user and kernelspec, pinned or not."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine.kernels import checks, inventory, pinning, running
from stacks.engine.kernels.running import Running
from stacks.engine.layout import Layout
from tests.engine.conftest import layout, owner
from tests.kernels import corpus
from tests.kernels.corpus import Stage

__all__ = ["layout", "owner"]


@pytest.fixture
def on(layout: Layout) -> Stage:
    on = corpus.stage(layout)
    on.program("sleeper", "#!/bin/sh\nsleep 60 & wait\n")
    on.spec("one", [f"{on.prefix}/bin/sleeper", "-f", "{connection_file}"])
    on.spec("two", [f"{on.prefix}/bin/sleeper", "--two", "{connection_file}"])
    layout.live.symlink_to("sw.corpus")
    return on


@contextmanager
def started(*commands: list[str], cwd: Path) -> Iterator[None]:
    processes = [subprocess.Popen(command, cwd=cwd, start_new_session=True) for command in commands]
    try:
        while not all(Path(f"/proc/{process.pid}/cmdline").read_bytes().count(b"sleeper") for process in processes):
            time.sleep(0.02)
        yield
    finally:
        for process in processes:
            os.killpg(process.pid, 9)
            process.wait()


def test_they_are_counted(layout: Layout, on: Stage) -> None:
    sight = replace(checks.sight_of(layout, on.tree), system=())
    kernels = {"corpus": inventory.specs(sight)}
    one = [f"{on.prefix}/bin/sleeper", "-f", "/run/kernel-1.json"]
    pinned = pinning.pin({"argv": [*one[:2], "/run/kernel-2.json"]}, layout.live)["argv"]
    two = [f"{on.prefix}/bin/sleeper", "--two", "/run/kernel-3.json"]
    other = [f"{on.prefix}/bin/sleeper", "--three", "/run/kernel-4.json"]
    with started(one, pinned, two, other, cwd=on.tree):
        found = running.count({"corpus": on.tree}, kernels, layout.live)
    user = os.geteuid()
    assert found == [Running("corpus", user, "one", 2), Running("corpus", user, "two", 1)]
    assert found[0].plain() == {"version": "corpus", "user": user, "kernel": "one", "count": 2}


def test_nothing_runs(layout: Layout, on: Stage) -> None:
    sight = replace(checks.sight_of(layout, on.tree), system=())
    assert running.count({"corpus": on.tree}, {"corpus": inventory.specs(sight)}, layout.live) == []
    assert running.count({}, {}, layout.live) == []
