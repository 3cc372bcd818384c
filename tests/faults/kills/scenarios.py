"""What is killed: every kind of operation, each on a machine on which it has something to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stacks.engine import services, versions
from stacks.plans import Context, Plan, plan_for
from stacks.plans import provision as provisioning
from tests.engine.machines import host
from tests.faults.kills.machines import (
    EXTERNAL,
    Make,
    beside_another,
    buildable,
    by_hand,
    drifted,
    in_place,
    index,
    new,
    rebooted,
    resident,
    surplus,
    with_kernels,
)
from tests.faults.kills.place import Place
from tests.wheels import tiny_recipe

Asked = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One operation on one machine; `then` is asked next where the killed operation turns out to be complete.

    `make` makes the machine, `asks` gives the parameters. An operation `by_parts` may be half done, each part exactly
    old or new. One that `tears` leaves users without a whole tree until recovery. `slow` are those that start real
    builds or kernels: they are repeated less. `midway` is a state, reached by the same operation with those parameters,
    that is as good as the old one. What is not `told` keeps no journal: it changes nothing that must be mended.
    """

    name: str
    kind: str
    make: Make
    asks: Callable[[Place], Asked]
    then: tuple[str, Asked] | None
    by_parts: bool = False
    tears: bool = False
    slow: bool = False
    midway: Asked | None = None
    told: bool = True

    def plan(self, place: Place, context: Context) -> Plan:
        """Make the plan, as a worker does; that of a new machine is for a machine made up."""
        if self.kind == "provision":
            return provisioning.plan(context, host(place.path))
        return plan_for(self.kind, context)


def asks(**parameters: Any) -> Callable[[Place], Asked]:
    return lambda place: parameters


def builds(**more: Any) -> Callable[[Place], Asked]:
    external = f'[[environments]]\npath = "{EXTERNAL}"\ninstaller = "external"\nowner = "899:899"\n'
    about = {"version": "n", "generation": 9, **more}
    return lambda place: {"recipe_text": tiny_recipe(index(place)) + external, **about}


def copies(place: Place) -> Asked:
    there = versions.describe(place.there, "n")
    if there is None or place.server is None:
        raise AssertionError("the other machine has it")
    about = {"uuid": there.uuid, "manifest": there.manifest, "root": str(place.layout.root)}
    return {"version": "n", "generation": 9, "source": "gp02", "address": place.server.address, **about}


VERIFY = ("verify", {"version": "b", "full": True})
REVERT = ("revert", {"version": "a"})

SCENARIOS = (
    Scenario("deploy", "deploy", resident, asks(version="c"), REVERT),
    Scenario("deploy, services paused", "deploy", resident, asks(version="c", pause=True), REVERT),
    Scenario("deploy, in-place", "deploy", in_place, asks(version="c"), REVERT, tears=True),
    Scenario("revert, in RAM", "revert", resident, asks(version="a"), ("revert", {"version": "b"})),
    Scenario("revert, copied", "revert", resident, asks(version="c"), REVERT),
    Scenario("revert, in-place", "revert", in_place, asks(version="a"), ("revert", {"version": "b"}), tears=True),
    Scenario("restore", "restore", rebooted(resident), asks(), REVERT, tears=True, midway={"serve_only": True}),
    Scenario("restore, in-place", "restore", rebooted(in_place), asks(), REVERT, tears=True,
             midway={"serve_only": True}),
    Scenario("backup", "backup", drifted(resident), asks(), REVERT, by_parts=True),
    Scenario("backup, in-place", "backup", drifted(in_place), asks(), REVERT, by_parts=True),
    Scenario("discard", "discard", drifted(resident), asks(), REVERT),
    Scenario("discard, in-place", "discard", drifted(in_place), asks(), REVERT, tears=True),
    Scenario("remove", "remove", surplus, asks(version="c"), VERIFY),
    Scenario("prune", "prune", surplus, asks(keep=1), VERIFY, by_parts=True),
    Scenario("verify", "verify", resident, asks(version="b", full=True), VERIFY, told=False),
    Scenario("adopt", "adopt", by_hand, asks(), ("verify", {"version": "y"}), by_parts=True, told=False),
    Scenario("convert", "convert", in_place, asks(), REVERT),
    Scenario("configure", "configure", resident, lambda place: {"services": services.listed(place.layout)[:1]}, VERIFY,
             told=False),
    Scenario("provision", "provision", new, asks(layout="in-place", ramdisk_bytes=2**26), None,
             by_parts=True, told=False),
    Scenario("kernel-install", "kernel-install", with_kernels, asks(version="n", kernel="tiny"), REVERT, slow=True),
    Scenario("kernel-remove", "kernel-remove", with_kernels, asks(version="n", kernel="old"), REVERT),
    Scenario("kernel-check", "kernel-check", with_kernels, asks(version="a", depth="static"),
             ("verify", {"version": "a"}), told=False),
    Scenario("copy", "copy", beside_another, copies, ("verify", {"version": "n", "full": True}), slow=True),
    Scenario("solve", "solve", buildable, builds(), ("verify", {"version": "a"}), slow=True),
    Scenario("build", "build", buildable, builds(), ("deploy", {"version": "n"}), slow=True),
    Scenario("build, repoint", "build", buildable, builds(strategy="repoint"),
             ("deploy", {"version": "n"}), slow=True, tears=True),
    Scenario("build, in-production", "build", buildable, builds(strategy="in-production"),
             ("deploy", {"version": "n"}), slow=True, tears=True),
)  # fmt: skip
