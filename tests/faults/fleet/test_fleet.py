"""Four machines on one control plane: they join, copy from each other, and are changed and reverted together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import Figure
from tests.faults.fleet.fleet import Fleet
from tests.faults.fleet.machine import ENVIRONMENT, Machine
from tests.waiting import until

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="networks and mounts of one's own need root")]
CLICK = Path(__file__).with_name("click.py")
GOAL, GENEROUS = 3.0, 60.0  # seconds from the click until all links have moved: as asked for; where others work too


def test_all_joined_by_the_command_and_work_by_the_file_that_it_wrote(fleet: Fleet) -> None:
    for machine, said in zip(fleet.machines, fleet.said, strict=True):
        assert f"{machine.name} has joined." in said
        file = Path(f"/proc/{machine.pid}/root{ENVIRONMENT}")
        assert file.stat().st_mode & 0o7777 == 0o600
        assert f"DLSTACK_MACHINE={machine.name}\n" in file.read_text()
    assert fleet.heard == 8


def test_a_second_version_moves_only_what_is_new(fleet: Fleet, figure: Figure) -> None:
    copies = [one for one in fleet.json("operations") if one["kind"] == "copy" and one["outcome"]["version"] != "three"]
    received = {(one["machine"], one["outcome"]["version"]): one["outcome"]["moved"]["received"] for one in copies}
    ratios = {name: received[name, "two"] / received[name, "one"] for name in fleet.names[1:]}
    assert min(received.values()) > 0
    worst = max(ratios.values())
    figure("fleet: bytes moved for a second version ÷ the first", goal="≤ 0.2", got=f"{worst:.3f}", ok=worst <= 0.2)


def test_a_kernel_that_breaks_on_one_stops_the_rollout_and_what_it_did_is_reverted(fleet: Fleet) -> None:
    fleet.all_on("one")
    words = ("rollout", "two", "--to", *fleet.names, "--canary", "1", "--batch", "1", "--on-failure", "revert")
    with half_upgraded(fleet.machine("gp03")):
        done = fleet.dlstack(*words, status=1)
    assert "required kernel “python3” of “two” does not answer" in done.stderr
    rollout = fleet.json("rollouts")[0]
    assert rollout["state"] == "failed"
    assert {one["machine"]: one["state"] for one in rollout["machines"]} == {
        "gp01": "reverted", "gp02": "reverted", "gp03": "failed", "gp04": "skipped",
    }  # fmt: skip
    assert fleet.active == ["one"] * 4
    fleet.dlstack(*words)
    assert fleet.active == ["two"] * 4


@contextmanager
def half_upgraded(machine: Machine) -> Iterator[None]:
    """Leave the system's Python of one machine without a module that kernels import and workers do not."""
    found = machine.run("/usr/bin/python3", "-c", "import pdb; print(pdb.__file__)").stdout.strip()
    empty = machine.place / "empty"
    empty.touch()
    machine.run("mount", "--bind", str(empty), found)
    try:
        yield
    finally:
        machine.run("umount", found)


def test_all_go_back_within_seconds_of_the_click(fleet: Fleet, figure: Figure, full: bool) -> None:
    fleet.all_on("one")
    fleet.all_on("two")
    link = fleet.dlstack("user-link", "admin").stdout.strip()
    with ThreadPoolExecutor(1) as threads:
        click = threads.submit(fleet.plane.ask, CLICK, str(fleet.plane.place / "cert.pem"), link, "two hangs")
        moved = _moves(fleet, "one")
        seen = click.result()
    assert seen["ticked"] == fleet.names
    took = max(moved.values()) - seen["clicked"]
    each = ", ".join(f"{name} {at - seen['clicked']:.2f}" for name, at in moved.items())
    print(f"revert of four: all links moved {took:.2f} s after the click ({each}); answered in {seen['took']:.2f} s")
    if full:
        what = "fleet: revert of four resident machines, click → all links moved"
        figure(what, goal=f"≤ {GOAL:.0f} s", got=f"{took:.2f} s", ok=took <= GOAL)
    assert took <= GENEROUS
    until(lambda: fleet.json("rollouts")[0]["state"] == "succeeded", within=60)


def _moves(fleet: Fleet, version: str) -> dict[str, float]:
    """Watch the links of all machines until each leads to a version; gives when it first did."""
    moved: dict[str, float] = {}
    give_up = time.time() + GENEROUS
    while len(moved) < len(fleet.machines) and time.time() < give_up:
        at = time.time()
        moved |= {one.name: at for one in fleet.machines if one.name not in moved and one.active == version}
        time.sleep(0.002)
    assert len(moved) == len(fleet.machines), moved
    return moved
