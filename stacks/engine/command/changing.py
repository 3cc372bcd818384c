"""The verbs that change a root: the same plans as a worker carries out, under the same locks."""

from __future__ import annotations

import argparse
import json
import uuid
from typing import Any

from stacks.engine import adoption, journal, owner, ramdisk, recovery, resident
from stacks.engine.command import showing
from stacks.engine.command.noting import noted
from stacks.engine.errors import Refused
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.plans import LANES, Context, execute, plan_for


def operate(layout: Layout, asked: argparse.Namespace) -> int:
    """Carry out one verb to its end."""
    if asked.verb == "adopt":
        adoption.check(layout)
        ramdisk.prepare_state(layout, owner.resolve(asked.owner))
    elif not layout.state.is_dir():
        raise Refused(f"{layout.root} is not run by DLStack: adopt or provision it first.")
    parameters = _parameters(layout, asked)
    lane = LANES[asked.verb]
    with lane_lock(layout, lane, f"the command “{asked.verb}”") as descriptor:
        for sentence in recovery.recover(layout, lane):
            showing.sink(asked)(Event("note", sentence))
        context = make_context(layout, asked, parameters, descriptor)
        plan = plan_for(asked.verb, context)
        if getattr(asked, "dry_run", False):
            showing.plan(plan, asked)
            return 0
        with noted(context, asked.verb):
            execute(plan, context, showing.Silent())
    print(json.dumps(context.outcome) if asked.json else "Done.")
    return 0


def make_context(layout: Layout, asked: argparse.Namespace, parameters: dict[str, Any], *lock_fds: int) -> Context:
    """Make the context in which a plan of this command is made and carried out."""
    return Context(
        layout,
        owner.resolve(asked.owner),
        f"engine:{uuid.uuid4()}",
        parameters,
        showing.sink(asked),
        showing.ignore,
        lock_fds=lock_fds,
    )


_PARAMETERS = ("full", "reason", "serve_only", "keep", "pinned")


def _parameters(layout: Layout, asked: argparse.Namespace) -> dict[str, Any]:
    found = {name: getattr(asked, name) for name in _PARAMETERS if hasattr(asked, name)}
    if version := getattr(asked, "version", None) or _default_version(layout, asked.verb):
        found["version"] = version
    return found


def _default_version(layout: Layout, verb: str) -> str | None:
    if verb != "revert":
        return None
    found = journal.last_active(layout, besides=resident.active(layout))
    if found is None:
        raise Refused("No earlier version was active here: name the VERSION to revert to.")
    return found
