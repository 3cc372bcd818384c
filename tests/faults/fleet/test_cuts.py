"""A machine whose cable is pulled in the middle of its work: nothing is torn there, and what became of it is told."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.engine import versions
from tests.faults.conftest import Figure
from tests.faults.fleet.fleet import BULK, Fleet
from tests.faults.fleet.machine import Machine
from tests.probe import Probe
from tests.waiting import until

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="networks and mounts of one's own need root"),
    pytest.mark.faults,
]
SLOW = 100  # KiB a second: what version three has besides takes twenty seconds
TOLD = 150.0  # seconds, within which the control plane says of a machine that it was cut off
SKY = "anaconda3/lib/python3.*/site-packages/tiny_sky/__init__.py"


@pytest.fixture(scope="module")
def three(fleet: Fleet) -> str:
    """Build a third version on the first machine, with much that no other machine has."""
    fleet.dlstack("build", "three", "--name", "three", "--machine", "gp01")
    return "three"


@pytest.fixture
def gp04(fleet: Fleet) -> Iterator[Machine]:
    machine = fleet.machine("gp04")
    yield machine
    machine.cable("up")


def test_cut_in_mid_copy_it_says_so_and_goes_on_from_there(fleet: Fleet, three: str, gp04: Machine) -> None:
    [asked] = fleet.json("copy", three, "--to", "gp04", "--bwlimit", str(SLOW), "--detach")
    until(lambda: len(come(gp04)) >= 5, within=120)
    gp04.cable("down")
    kept = len(come(gp04))
    told = fleet.ended(asked["id"], within=TOLD)
    assert told["state"] in ("failed", "interrupted"), told
    assert_unseen(gp04, three)
    gp04.cable("up")
    again = copied_again(fleet, three)
    assert again["state"] == "succeeded", again
    assert again["outcome"]["kept"] >= kept
    assert again["outcome"]["moved"]["files"] < BULK * 10
    fleet.dlstack("verify", three, "--full", "--machine", "gp04")


def come(machine: Machine) -> list[str]:
    """Name the packages of a half-made copy that have come whole."""
    halves = (machine.layout.state / "copies").glob("*/sw/anaconda3/lib/python3.*/site-packages/bulk_*/__init__.py")
    return [path.parent.name for path in halves]


def assert_unseen(machine: Machine, version: str) -> None:
    assert version not in [path.name.removeprefix("sw.") for path in versions.directories(machine.layout)]
    assert not machine.layout.description(version).exists()


def copied_again(fleet: Fleet, version: str) -> Any:
    """Ask for a copy as soon as the machine is free for it, and give its document when it ended."""
    begun = fleet.ask_until("copy", version, "--to", "gp04", "--detach", "--json", within=120)
    return fleet.ended(begun[0]["id"], within=120)


def test_cut_in_mid_deploy_nothing_is_torn_and_the_record_follows_the_disk(
    fleet: Fleet, gp04: Machine, figure: Figure
) -> None:
    fleet.all_on("one")
    [sky] = (gp04.layout.live / "anaconda3").glob(SKY.removeprefix("anaconda3/"))
    file = str(sky.relative_to(gp04.layout.live))
    with Probe(gp04.root / "sw", [file], within=gp04.within) as probe:
        words = ("rollout", "two", "--to", "gp04", "gp03", "--canary", "1", "--on-failure", "revert", "--detach")
        number = fleet.json(*words)["id"]
        until(lambda: gp04.layout.staging("two").exists() or gp04.active == "two", within=60)
        gp04.cable("down")
        began = time.monotonic()
        until(lambda: rollout(fleet, number)["state"] != "running", within=TOLD)
        told = time.monotonic() - began
        cut = rollout(fleet, number)
        gp04.cable("up")
        until(lambda: agree(fleet, gp04), within=180)
    print(f"cut off in mid-deploy, the rollout says so after {told:.0f} s: {cut['message']}")
    assert cut["state"] == "failed", cut
    assert {one["machine"]: one["state"] for one in cut["machines"]} == {"gp04": "failed", "gp03": "skipped"}
    figure("fleet: reads that fail or mix versions while a machine is cut off in mid-deploy", goal="0",
           got=f"{probe.counts['failed'] + probe.counts['mixed']} of {probe.counts['reads']}",
           ok=probe.counts["failed"] == probe.counts["mixed"] == 0)  # fmt: skip
    assert fleet.machine("gp03").active == "one"
    assert gp04.active in ("one", "two")
    fleet.all_on("two")


def rollout(fleet: Fleet, number: int) -> Any:
    return fleet.json("rollouts", str(number))


def agree(fleet: Fleet, machine: Machine) -> bool:
    """Tell whether nothing is unfinished on a machine, and the record says of it what its disk says."""
    mine = [one for one in fleet.json("operations") if one["machine"] == machine.name]
    recorded = fleet.json("versions", "--machine", machine.name)
    active = [one["name"] for one in recorded if one["active"]]
    return active == [machine.active] and not any(one["state"] in ("queued", "running") for one in mine)
