"""The plan that makes a new machine ready for its first version: root, ramdisk, state, units."""

from __future__ import annotations

from functools import partial

from stacks.engine import provision
from stacks.engine.errors import NothingToDo, Refused
from stacks.engine.provision import Action, Host, Wanted
from stacks.plans.base import Context, Plan, Step


def plan(context: Context, host: Host | None = None) -> Plan:
    """Plan what the machine lacks; raises NothingToDo when it lacks nothing, Refused when something is in the way.

    Parameters: `layout`, `ramdisk_bytes`, `inodes`, `trust_parents`, `services`, `machine`; none is needed. A user who
    may not do all of it gets the commands in the outcome, and nothing is begun.
    """
    host = host or provision.this_host()
    wanted = provision.read(context.layout, context.owner, context.parameters, host)
    needed = [action for action in provision.actions(wanted, host) if action.needed]
    context.outcome["commands"] = [command for action in needed for command in action.commands]
    if not needed:
        raise NothingToDo(f"{context.layout.root} is provisioned already: there is nothing to do.")
    if forbidden := [action.title for action in needed if not action.permitted]:
        raise Refused(
            f"User {host.uid} may not: {'; '.join(forbidden)}. Nothing was changed. "
            "Provision as root, or have root type the commands that --dry-run prints."
        )
    steps = [Step(action.name, action.title, action.why, partial(_do, action)) for action in needed]
    last = Step("remarks", "What is left to do", "Says what was kept, and what an admin has to do.",
                partial(_tell, wanted, host))  # fmt: skip
    return Plan("provision", f"Makes {context.layout.root} ready for its first version.", (*steps, last))


def _do(action: Action, context: Context) -> None:
    action.work(context.sink, context.stop)
    context.note(action.why)
    context.outcome.setdefault("done", []).append(action.name)


def _tell(wanted: Wanted, host: Host, context: Context) -> None:
    context.outcome["remarks"] = provision.remarks(wanted, host)
    for remark in context.outcome["remarks"]:
        context.note(remark)
