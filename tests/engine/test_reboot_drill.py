"""The drill: the ramdisk goes with the power, boot restores it and is killed on the way; nobody waits, nothing is lost.

The restore is the real command, with the rights that its unit has, killed by itself at a chosen one of its changes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stacks.engine import externals, journal, links, manifest, resident
from stacks.engine.layout import Layout
from stacks.engine.manifest import Manifest
from tests.engine.conftest import make_version
from tests.engine.machines import AS_UNIT, machine_place, needs_root, provisioned, reboot

pytestmark = [needs_root, pytest.mark.slow]
REPOSITORY = Path(__file__).parents[2]
POINTS = 10

# Python tells of each change before it makes it: the K-th is where the power button is pressed. 0: only count them.
_KILLED = """
import os, runpy, signal, sys
CHANGES = {"os." + name for name in "rename symlink link mkdir remove rmdir chmod chown utime setxattr".split()}
point, seen = int(sys.argv[1]), 0
def look(event, arguments):
    global seen
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event in CHANGES or event == "subprocess.Popen" or writes:
        seen += 1
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["stacks.engine", *sys.argv[2:]]
sys.dont_write_bytecode = True
sys.addaudithook(look)
try:
    runpy.run_module("stacks.engine", run_name="__main__")
finally:
    print("CHANGES", seen, flush=True)
"""


@dataclass
class Machine:
    """A machine in production, and what must never be lost of it."""

    layout: Layout
    disk: dict[str, Manifest]
    history: list[dict[str, object]]


@pytest.fixture(params=["resident", "in-place"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine_place() as place:
        runner = provisioned(place, request.param)
        layout = runner.layout
        for name in ("a", "b"):
            make_version(layout, name, files(name), mtime=1e9, external="antares")
            runner.run("deploy", version=name)
        disk = {name: manifest.scan(layout.version(name)) for name in ("a", "b")}
        yield Machine(layout, disk, journal.history(layout))


def files(name: str) -> dict[str, str]:
    """Spell what a version holds."""
    return {f"env/lib/m{number}": f"{name}{number}" for number in range(40)} | {"antares/data": "theirs"}


def restore(layout: Layout, point: int = 0, *arguments: str) -> subprocess.Popen[str]:
    return begin("restore", layout, point, *arguments)


def begin(verb: str, layout: Layout, point: int, *arguments: str) -> subprocess.Popen[str]:
    """Begin a verb of the engine's command, which kills itself at its change number `point`, if not 0."""
    argv = [*AS_UNIT, sys.executable, "-c", _KILLED, str(point), verb, str(layout.root), *arguments]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(argv, cwd=REPOSITORY, text=True, env={"PATH": "/usr/bin:/bin"}, **output)  # type: ignore[call-overload,no-any-return]


def finish(started: subprocess.Popen[str]) -> str:
    output, _ = started.communicate(timeout=60)
    return output


def is_whole(layout: Layout, name: str = "b") -> bool:
    """Tell whether a reader gets the whole version; raise when it gets anything else than that or nothing."""
    expected = files(name)
    tree = Path(os.path.realpath(layout.live))  # as a kernel does that begins now
    found = {path: (tree / path).read_text() if (tree / path).exists() else None for path in expected}
    if set(found.values()) == {None}:
        return False
    assert found == expected
    return True


def wait_until_whole(layout: Layout, started: float) -> None:
    while not is_whole(layout):
        assert time.monotonic() - started < 5
        time.sleep(0.02)


def nothing_is_lost(machine: Machine) -> None:
    layout = machine.layout
    assert {name: manifest.scan(layout.version(name)) for name in machine.disk} == machine.disk
    lines = (layout.state / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines][: len(machine.history)] == machine.history


def everything_is_well(machine: Machine) -> None:
    layout = machine.layout
    in_place = (layout.state / "in-place").exists()
    assert links.target(layout.live) == ("sw.tmpfs" if in_place else "sw.tmpfs/b")
    assert links.target(layout.backing) == "sw.b"
    assert is_whole(layout)
    nothing_is_lost(machine)
    ram = Path(os.path.realpath(layout.live))
    present = {entry for entry in manifest.scan(ram).entries if manifest.top(entry.path) != ".dlstack"}
    assert present == set(machine.disk["b"].entries)
    assert externals.look(ram / "antares") == externals.look(layout.version("b") / "antares")
    assert journal.pending(layout, "live") is None
    strays = [path for path in (layout.ramdisk / ".dlstack").glob("*") if any(path.iterdir())]
    strays += [path for place in (layout.root, layout.state, ram) for path in place.glob(".*.new-*")]
    strays += [path for path in (layout.building, layout.trash) if path.is_dir() and any(path.iterdir())]
    assert strays == []


def changes(output: str) -> int:
    return int(output.split("CHANGES ")[1].split(maxsplit=1)[0])


def test_killed_at_ten_points_it_is_served_at_once_and_in_ram_in_the_end(machine: Machine) -> None:
    layout = machine.layout
    reboot(layout)
    assert not is_whole(layout)
    total = changes(finish(restore(layout)))
    everything_is_well(machine)
    assert total > POINTS
    for number in range(POINTS):
        reboot(layout)
        killed = restore(layout, 1 + number * (total - 1) // (POINTS - 1))
        finish(killed)
        assert killed.returncode == -signal.SIGKILL
        was_served = is_whole(layout)
        nothing_is_lost(machine)
        began = time.monotonic()
        again = restore(layout)
        if was_served:
            assert is_whole(layout)
        wait_until_whole(layout, began)
        output = finish(again)
        assert again.returncode == 0, output
        everything_is_well(machine)


def test_killed_again_and_again_it_still_ends_well(machine: Machine) -> None:
    layout = machine.layout
    reboot(layout)
    total = changes(finish(restore(layout)))
    reboot(layout)
    for point in range(total // 3, total, total // 6):
        finish(restore(layout, point))
        assert is_whole(layout)
    output = finish(restore(layout))
    assert "Done." in output or "nothing to restore" in output
    everything_is_well(machine)


def test_the_power_goes_in_the_middle_of_a_revert(machine: Machine) -> None:
    layout = machine.layout
    total = changes(finish(begin("revert", layout, 0, "a")))
    finish(begin("revert", layout, 0, "b"))
    for point in range(1, total, total // 6):
        finish(begin("revert", layout, point, "a"))
        reboot(layout)
        finish(restore(layout, 0, "--serve-only"))
        name = os.readlink(layout.backing).removeprefix("sw.")
        assert is_whole(layout, name)
        assert restore(layout).wait(60) == 0
        assert (resident.active(layout), resident.backing(layout)) == (name, name)
        assert is_whole(layout, name)
        nothing_is_lost(machine)
        if name == "a":
            finish(begin("revert", layout, 0, "b"))


def test_boot_serves_first_and_fills_then(machine: Machine) -> None:
    layout = machine.layout
    reboot(layout)
    serving = restore(layout, 0, "--serve-only")
    assert "in service again" in finish(serving)
    assert serving.returncode == 0
    assert links.target(layout.live) == "sw.b"
    assert not any(layout.ramdisk.iterdir())
    assert "Done." in finish(restore(layout))
    everything_is_well(machine)
    for arguments in ((), ("--serve-only",)):
        again = restore(layout, 0, *arguments)
        assert "nothing to restore" in finish(again)
        assert again.returncode == 0


def test_a_new_machine_has_nothing_to_restore() -> None:
    with machine_place() as place:
        runner = provisioned(place, "resident")
        started = restore(runner.layout)
        assert "Nothing was deployed" in finish(started)
        assert started.returncode == 0
