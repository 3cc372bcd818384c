"""A worker that can be killed: carries out one plan, or one recovery, in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stacks.engine import recovery
from stacks.engine.errors import EngineError
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.engine.owner import resolve
from stacks.engine.sources import Sources
from stacks.engine.terms import Terms
from stacks.plans import LANES, Context, execute
from tests.faults.kills.failpoints import Heard, Points
from tests.faults.kills.place import Place
from tests.faults.kills.scenarios import Asked, Scenario

OPERATION = "killed"


def started(work: Callable[[], None], log: Path) -> int:
    """Fork a process that does the work, with a session and an output of its own; gives its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        work()
        status = 0
    except EngineError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    finally:
        os._exit(status)


def carry_out(place: Place, scenario: Scenario, asked: Asked, operation: str, heard: Heard) -> None:
    """Carry an operation out as a worker does: under the lane's lock, after the recovery of what was left."""
    lane, points = LANES[scenario.kind], Points(heard)
    with lane_lock(place.layout, lane, f"operation #{operation}") as lock:
        recovery.recover(place.layout, lane)
        context = Context(
            *(place.layout, resolve(), operation, asked, lambda event: None, lambda progress: None),
            lock_fds=(lock,),
            terms=Terms(sources=Sources(directories=(Path("/"),))),
            wire=place.wire,
        )
        plan = scenario.plan(place, context)
        points.watch()
        execute(plan, context, points)
        sys.setprofile(None)


def recover(layout: Layout, lane: str) -> list[str]:
    """Recover as whoever finds that the worker is gone; raises Refused while its children have the lock."""
    with lane_lock(layout, lane, "the recovery of a killed operation"):
        return recovery.recover(layout, lane)


def recover_watched(layout: Layout, lane: str, heard: Heard) -> None:
    """Recover, telling of each change."""
    Points(heard, "recovery").watch()
    recover(layout, lane)


def survey(place: Place, scenario: Scenario, asked: Asked) -> list[tuple[str, float]]:
    """Carry an operation out whole; gives its points in order, each with the seconds since the first."""
    file = place.path / "heard"
    file.unlink(missing_ok=True)

    def work() -> None:
        with file.open("w") as told:
            carry_out(place, scenario, asked, OPERATION, lambda name: print(time.monotonic(), name, file=told))

    _, status = os.waitpid(started(work, place.path / "log"), 0)
    if status:
        raise AssertionError(f"{scenario.name} does not work at all: {(place.path / 'log').read_text()}")
    lines = [line.split(" ", 1) for line in file.read_text().splitlines()]
    return [(name, float(at) - float(lines[0][0])) for at, name in lines]
