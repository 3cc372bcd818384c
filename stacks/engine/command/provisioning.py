"""The verb that makes a machine ready, or prints what a root user would type for that."""

from __future__ import annotations

import argparse
import json
from typing import Any

from stacks.engine import owner, provision
from stacks.engine.command import changing, showing
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.engine.provision import Action, Host, tmpfs
from stacks.plans import LANES, execute
from stacks.plans import provision as plans


def operate(layout: Layout, asked: argparse.Namespace, host: Host | None = None) -> int:
    """Provision a root, or with --dry-run print the commands; a root that lacks nothing is left as it is."""
    host = host or provision.this_host()
    parameters = parameters_of(asked, host)
    wanted = provision.read(layout, owner.resolve(asked.owner), parameters, host)
    needed = [action for action in provision.actions(wanted, host) if action.needed]
    remarks = provision.remarks(wanted, host)
    if asked.dry_run or not all(action.permitted for action in needed):
        show_document(needed, remarks) if asked.json else show(needed, remarks)
    if asked.dry_run:
        return 0
    context = changing.make_context(layout, asked, parameters)
    plan = plans.plan(context, host)
    # Not before now: the lock makes the first directory.
    with lane_lock(layout, LANES["provision"], "the command “provision”") as descriptor:
        context.lock_fds = (descriptor,)
        execute(plan, context, showing.Silent())
    print(json.dumps(context.outcome) if asked.json else "Done.")
    return 0


def parameters_of(asked: argparse.Namespace, host: Host) -> dict[str, Any]:
    """Read the plan's parameters; raises Refused for a size that is none."""
    size = tmpfs.parse_size(asked.size, host.memory) if asked.size else None
    if asked.size and size is None:
        raise Refused(f"“{asked.size}” is no size: give bytes, or a number with K, M, G or % behind it.")
    return {
        "layout": asked.layout,
        "ramdisk_bytes": size,
        "inodes": asked.inodes,
        "trust_parents": asked.trust_parents,
        "services": [{"unit": name} for name in asked.service],
        "machine": asked.machine,
    }


def show(needed: list[Action], remarks: list[str]) -> None:
    """Print, as a script with comments, what a root user would type."""
    for action in needed:
        print(f"# {action.title}: {action.why}")
        for command in action.commands:
            print(command)
    if not needed:
        print("# Everything is there: there is nothing to type.")
    for remark in remarks:
        print(f"# {remark}")


def show_document(needed: list[Action], remarks: list[str]) -> None:
    """Print the same as a JSON document."""
    listed = [
        {"name": action.name, "title": action.title, "why": action.why, "commands": list(action.commands),
         "permitted": action.permitted}
        for action in needed
    ]  # fmt: skip
    print(json.dumps({"actions": listed, "remarks": remarks}, indent=1))
