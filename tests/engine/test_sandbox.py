from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from stacks.engine import area, sandbox
from stacks.engine.errors import Cancelled, CommandFailed
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.locks import is_free, lane_lock
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


def test_guests_see_no_other_process(guest: Sandbox) -> None:
    other = subprocess.Popen(["sleep", "98765.4321"])
    try:
        said = inside(guest, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 98765[.]4321'; true")
    finally:
        other.kill()
        other.wait()
    assert said == []


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


def test_the_lock_is_held_by_the_sandbox_and_not_by_its_guests(layout: Layout, owner: Owner) -> None:
    area.make_place(layout, owner)
    with lane_lock(layout, "build") as descriptor:
        guest = sandbox.for_build(layout, owner, lock_fds=(descriptor,))
        unlock = "import fcntl, os\nfor fd in map(int, os.listdir('/proc/self/fd')):\n"
        unlock += "    try: fcntl.flock(fd, fcntl.LOCK_UN); print(os.readlink(f'/proc/self/fd/{fd}'))\n"
        unlock += "    except OSError: pass"
        said = inside(guest, f'/usr/bin/python3 -c "{unlock}"')
        assert not any("build.lock" in line for line in said)
        command = guest.command(["sleep", "60"])
        running = subprocess.Popen(command.argv, env=dict(command.env), pass_fds=command.pass_fds)
    try:
        time.sleep(0.5)
        assert not is_free(layout, "build")
    finally:
        running.kill()
        running.wait()
    until_gone(str(layout.root))
    assert is_free(layout, "build")


def until_gone(mark: str) -> None:
    """Wait until no process names the mark in its arguments."""
    give_up_at = time.monotonic() + 10
    while found := processes(mark):
        assert time.monotonic() < give_up_at, found
        time.sleep(0.05)


def processes(mark: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [words] if mark in words else []
    return found


_STARTER = """
import sys
from pathlib import Path
from stacks.engine import sandbox
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.engine.process import run
from stacks.engine.stop import Stop
guest = sandbox.for_build(Layout(Path(sys.argv[1])), resolve())
print("ready", flush=True)
sys.stdin.readline()
run(guest.command(["sleep", "60"]), lambda event: None, Stop())
"""


def test_no_instant_of_a_sandboxs_start_outlives_its_starter(layout: Layout, owner: Owner) -> None:
    area.make_place(layout, owner)
    for delay in (0.0, 0.004, 0.008, 0.012, 0.016, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.08, 0.1):
        argv = [sys.executable, "-c", _STARTER, str(layout.root)]
        starter = subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert starter.stdin is not None
        assert starter.stdout is not None
        starter.stdout.readline()
        starter.stdin.write("go\n")
        starter.stdin.flush()
        time.sleep(delay)
        starter.kill()
        starter.wait()
        for pipe in (starter.stdin, starter.stdout):
            with suppress(OSError):
                pipe.close()
        until_gone(str(layout.root))


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
