"""Short ways to provision a machine that tests made up."""

from __future__ import annotations

from pathlib import Path

from stacks.engine.command import main
from stacks.engine.layout import Layout
from stacks.engine.provision import Host
from stacks.plans import provision
from tests.engine.conftest import Runner
from tests.engine.machines import OWNER, host


def root(new: Host) -> Path:
    """Name the machine's root."""
    return new.etc.parent / "data0"


def dlstack(new: Host, *arguments: str) -> int:
    """Run the verb of the command; the last --owner counts."""
    return main(["provision", str(root(new)), "--owner", "64990:64990", *arguments], host=new)


def plan(new: Host, /, **parameters: object) -> list[str]:
    """Name the steps that a plan would have."""
    return plan_for(new, root(new), **parameters)


def plan_for(new: Host, data0: Path, /, **parameters: object) -> list[str]:
    """Name the steps that a plan for some root would have."""
    context = Runner(Layout(data0), OWNER).context(parameters)
    return [step.name for step in provision.plan(context, new).steps]


def plan_as_root(new: Host, /, **parameters: object) -> list[str]:
    """Name the steps that root's plan would have, for tests that change nothing."""
    return plan(host(new.etc.parent, systemd=bool(new.systemctl), uid=0), **parameters)
