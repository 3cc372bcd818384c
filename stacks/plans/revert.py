"""The plan of a revert: a deploy of an earlier version, by the operator's wish."""

from __future__ import annotations

from stacks.engine import resident, versions
from stacks.engine.errors import Refused
from stacks.plans import deploy, in_place
from stacks.plans.base import Context, Plan


def plan(context: Context) -> Plan:
    """Plan a revert to the version in the parameters; raises Refused when it is not sealed, active or does not fit."""
    layout = context.layout
    description = versions.need_sealed(layout, context.parameters["version"])
    if resident.is_in_place(layout):
        return in_place.plan(context, description, "revert")
    before = resident.active(layout)
    if resident.is_served(layout, description):
        raise Refused(f"“{before}” is active already: there is nothing to revert.")
    resident.check_room(layout, description.name)
    summary = f"Puts “{description.name}” back{f' in the place of “{before}”' if before else ''}."
    return Plan("revert", summary, deploy.steps(context, description, "revert"))
