"""Provisioning: what a new machine needs before its first version, each with the command that a root user would type.

Nothing is done twice: what is there already is not needed, and two runs end as one does.
"""

from __future__ import annotations

import os

from stacks.engine.provision import checks, ground, tmpfs, units
from stacks.engine.provision.action import Action
from stacks.engine.provision.host import Host, this_host
from stacks.engine.provision.wanted import Wanted, read


def actions(wanted: Wanted, host: Host) -> list[Action]:
    """List, in order, all that a machine should have; raise Refused when something is in the way.

    Reads the disk, changes nothing.
    """
    checks.check(wanted)
    is_embedded = checks.leads_into_shared_memory(wanted.layout)
    found = [ground.root(wanted, host)]
    found += [] if is_embedded else tmpfs.actions(wanted, host)
    found += [ground.state(wanted, host), ground.room_kept(wanted, host), ground.kernel_specs(wanted, host)]
    found += [ground.layout_mark(wanted, host), ground.live_link(wanted, host), ground.pausing(wanted, host)]
    found += units.actions(wanted, host, host.systemctl) if host.systemctl and not is_embedded else []
    return found


def remarks(wanted: Wanted, host: Host) -> list[str]:
    """Say what was found and kept, and what is left for an admin to do."""
    layout = wanted.layout
    said = []
    if not wanted.in_place:
        said.append(f"Layout resident: the first deploy makes {layout.live} and {layout.backing}.")
    if checks.leads_into_shared_memory(layout):
        said.append(f"{layout.ramdisk} leads to {os.readlink(layout.ramdisk)} and was kept: nothing was mounted.")
        return said
    if host.systemctl:
        workers = " ".join(units.WORKERS)
        said.append(f"Name database and broker in {host.environment}, then: systemctl enable --now {workers}")
    else:
        command = f"{host.python} -m stacks.engine restore {layout.root}"
        said.append(f"systemd does not run here: have each boot run “{command}”, and start the workers yourself.")
    return said


__all__ = ["Action", "Host", "Wanted", "actions", "read", "remarks", "this_host"]
