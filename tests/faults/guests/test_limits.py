"""A build that takes too much, or never ends, is ended, and the operation's message names the cause (F16, F33)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import area, mounts, process, sandbox
from stacks.engine.errors import CommandFailed, EngineError, Exceeded, Failed, TimedOut
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.limits import Limits, hard_tasks
from stacks.engine.owner import Owner
from stacks.engine.sources import Sources
from stacks.engine.stop import Stop
from stacks.engine.terms import Terms
from tests.engine.conftest import Runner
from tests.faults.conftest import Figure
from tests.faults.guests.conftest import Guests, Script, asked
from tests.faults.guests.scripts import (
    BOMB,
    DAEMONS,
    EATER,
    FILLER,
    FRUGAL,
    HANG,
    IGNORING,
    PROMPT,
    SHARERS,
    TALKER,
    THREAD_BOMB,
    TMP,
)

LIMITS = Limits(memory=400 * 1024**2, tasks=300, seconds=120, silence=60, spare=1, reserve=1)
Case = tuple[str, dict[str, Any], type[EngineError], str]
CASES: dict[str, Case] = {
    "a memory-eater": (EATER, {}, Exceeded, r"hostile.py took \d+ MB of memory, more than the 419 MB .*BUILD_MEMORY"),
    "four that eat together": (SHARERS, {}, Exceeded, r"took \d+ MB of memory"),
    "one that fills its /tmp": (TMP, {}, Exceeded, r"took \d+ MB of memory"),
    "a fork bomb": (BOMB, {}, Exceeded, r"had \d+ tasks .* at once, more than the 300 .*BUILD_TASKS"),
    "a thread bomb": (THREAD_BOMB, {}, Exceeded, r"had \d+ tasks .* at once"),
    "one that hangs": (HANG, {"silence": 1.5}, TimedOut, "printed nothing for 2 s.*“Compiling …”"),
    "one that hangs and ignores TERM": (IGNORING + HANG, {"silence": 1.5}, TimedOut, "printed nothing"),
    "one that prompts": (PROMPT, {"silence": 1.5}, TimedOut, r"“Do you accept the licence\? \[yes/no\]”. Nobody can"),
    "one that talks for ever": (TALKER, {"seconds": 6}, Exceeded, "longer than the 0.1 minutes .*BUILD_MINUTES"),
    "one that daemonises": (DAEMONS, {}, Failed, "ended without making"),
    "one that the kernel kills": ("import os\nos.kill(os.getpid(), 9)", {}, CommandFailed, r"status 137 \(killed\)"),
}  # fmt: skip

# What `make test` runs; the rest is for `make faults`.
USUAL = ("a memory-eater", "a fork bomb", "one that hangs and ignores TERM", "one that prompts", "one that daemonises")


def limited(layout: Layout, owner: Owner, limits: Limits) -> Runner:
    return Runner(layout, owner, terms=Terms(limits, Sources(directories=(Path("/"),))))


@pytest.mark.parametrize(
    "what", [what if what in USUAL else pytest.param(what, marks=pytest.mark.faults) for what in CASES]
)
def test_it_is_ended_and_the_cause_is_named(  # noqa: PLR0917 — each is a fixture
    layout: Layout, owner: Owner, guests: Guests, scripted: Script, figure: Figure, what: str
) -> None:
    script, change, kind, says = CASES[what]
    runner = limited(layout, owner, replace(LIMITS, **change))
    with pytest.raises(EngineError) as caught:
        runner.run("build", **asked(scripted(script)))
    seconds = guests.seconds_until_gone()
    figure(f"{what}: ended, cause named, nothing left", goal="≤ 10 s", got=f"{seconds:.1f} s: {caught.value}", ok=True)
    assert isinstance(caught.value, kind), caught.value
    with pytest.raises(EngineError, match=says):
        raise caught.value
    assert any(event.kind == "error" and event.text == str(caught.value) for event in runner.events)
    assert not layout.version("a").exists()


def test_memory_that_processes_share_is_counted_once(layout: Layout, owner: Owner, scripted: Script) -> None:
    limited(layout, owner, LIMITS).run("build", **asked(scripted(FRUGAL)))
    assert layout.version("a").is_dir()


@pytest.mark.faults
def test_a_build_that_fills_the_disk_is_ended_before_it_is_full(
    layout: Layout, owner: Owner, guests: Guests, scripted: Script
) -> None:
    reserve = mounts.room(layout.root).bytes_free - 1_500_000_000
    if reserve < 0:
        pytest.skip("the disk of these tests is too full")
    with pytest.raises(Exceeded, match=r"hostile.py filled the disk of .* but for [\d,]+ MB"):
        limited(layout, owner, replace(LIMITS, reserve=reserve)).run("build", **asked(scripted(FILLER)))
    guests.seconds_until_gone()
    assert not (layout.building / "big").exists()


def test_a_build_is_ended_before_users_programs_would_be(layout: Layout, owner: Owner, scripted: Script) -> None:
    terms = replace(LIMITS, spare=1 << 60)
    with pytest.raises(Exceeded, match=r"Only .* MB of this machine's memory were left while"):
        limited(layout, owner, terms).run("build", **asked(scripted(HANG)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a build an owner of its own")
def test_the_kernel_refuses_tasks_that_no_look_has_counted_yet(layout: Layout, owner: Owner) -> None:
    area.make_place(layout, owner)
    count = (
        "import os, time\nmade = 0\ntry:\n    while made < 2000:\n        if os.fork() == 0: time.sleep(60)\n"
        "        made += 1\nexcept BlockingIOError: pass\nprint(made)"
    )
    tasks = hard_tasks(replace(LIMITS, tasks=100), owner.uid)
    command = sandbox.for_build(layout, owner).command(["/usr/bin/python3", "-c", count], tasks=tasks)
    events: list[Event] = []
    process.run(command, events.append, Stop())
    assert 100 < int(events[-1].text) <= tasks <= 200
