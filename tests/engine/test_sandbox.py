from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stacks.engine import area, sandbox
from stacks.engine.errors import Cancelled, CommandFailed
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.process import run
from stacks.engine.sandbox import Sandbox
from stacks.engine.stop import Stop
from tests.engine.machines import AS_UNIT, machine_place, needs_root

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def guest(layout: Layout, owner: Owner) -> Sandbox:
    area.make_place(layout, owner)
    return sandbox.for_build(layout, owner)


def inside(guest: Sandbox, script: str, stop: Stop | None = None) -> list[str]:
    events: list[Event] = []
    run(guest.command(["sh", "-c", script]), events.append, stop or Stop())
    return [event.text for event in events if event.kind == "output"]


def test_the_tree_under_construction_is_at_the_live_path(guest: Sandbox, layout: Layout) -> None:
    said = inside(guest, f"cd {layout.live} && touch made && realpath made && ls {layout.root}")
    assert said == [str(layout.live / "made"), "cache", "sw"]
    assert (layout.building / "made").exists()


def test_guests_run_as_the_owner_without_any_right(guest: Sandbox, owner: Owner) -> None:
    said = inside(guest, "id -u; id -g; grep -E '^Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status")
    assert said[:2] == [str(owner.uid), str(owner.gid)]
    assert all(line.split()[1] in ("0000000000000000", "1") for line in said[2:])
    assert len(said) == 7


def test_guests_see_nothing_else_of_the_machine(guest: Sandbox, layout: Layout) -> None:
    (layout.root / "sw.other").mkdir()
    places = [layout.root / "sw.other", layout.state, layout.ramdisk, Path("/home"), Path("/var"), Path("/etc/shadow")]
    places += [Path("/root"), Path("/run/user"), Path(__file__)]
    said = inside(guest, "".join(f"test -e {place} && echo {place}; " for place in places) + "true")
    assert said == []


def test_guests_write_nowhere_else(guest: Sandbox) -> None:
    said = inside(
        guest, "for d in / /usr /usr/bin /etc /run /dev; do touch $d/x 2>/dev/null && echo wrote $d; done; true"
    )
    assert said == []


def test_nothing_a_guest_started_is_left(guest: Sandbox, layout: Layout) -> None:
    inside(guest, f"(setsid nohup sh -c 'while :; do touch {layout.live}/alive; sleep 0.05; done' >/dev/null 2>&1 &)")
    (layout.building / "alive").unlink(missing_ok=True)
    time.sleep(0.3)
    assert not (layout.building / "alive").exists()


def test_a_guest_that_ignores_the_end_is_ended(guest: Sandbox) -> None:
    stop = Stop()
    events: list[Event] = []

    def note(event: Event) -> None:
        events.append(event)
        if event.text == "ready":
            stop.cancelled.set()

    with pytest.raises(Cancelled):
        run(guest.command(["sh", "-c", "trap '' TERM INT; echo ready; while :; do sleep 1; done"]), note, stop)
    assert events[-1].text == "ready"


def test_a_launch_shows_one_tree_read_only(layout: Layout, owner: Owner) -> None:
    tree = layout.root / "sw.a"
    tree.mkdir()
    (tree / "file").write_text("a\n")
    guest = sandbox.for_launch(layout, owner, tree)
    assert inside(guest, f"cat {layout.live}/file; ls {layout.root}") == ["a", "sw"]
    with pytest.raises(CommandFailed):
        inside(guest, f"touch {layout.live}/new")
    assert os.listdir(tree) == ["file"]


_AS_WORKER = """
import sys
from pathlib import Path
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.engine.process import run
from stacks.engine.sandbox import Sandbox
from stacks.engine.stop import Stop
layout = Layout(Path(sys.argv[1]))
guest = Sandbox(layout, resolve(), ((layout.root, layout.root),))
command = guest.command(["grep", "-E", "^Cap(Inh|Prm|Eff|Amb)", "/proc/self/status"])
run(command, lambda event: print(event.text), Stop())
"""


@needs_root
def test_a_workers_capabilities_neither_stop_the_sandbox_nor_reach_the_guest() -> None:
    with machine_place() as place:
        argv = [*AS_UNIT, sys.executable, "-c", _AS_WORKER, str(place)]
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rights = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Cap")]
    assert rights == ["0" * 16] * 4
