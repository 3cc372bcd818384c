"""The plan that discards drift: the active tree becomes again what was sealed (design §2)."""

from __future__ import annotations

from stacks.engine import drift, externals, journal, renewal, resident, trees, versions
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description
from stacks.plans import in_place
from stacks.plans.base import Context, Plan, Step

LANE = "live"


def plan(context: Context) -> Plan:
    """Plan to discard what was changed in the active tree; raises Refused unless that tree can be trusted."""
    layout = context.layout
    description = drift.trusted(layout)
    if resident.is_in_place(layout):
        return in_place.plan(context, description, "discard")
    resident.check_anew(layout, description)
    externals.check_rights(externals.of(description))
    work = _Work(description)
    name, kept = description.name, ", ".join(description.externals)
    steps = (
        Step("find", "Find what has changed", "Compares the tree with its manifest.", work.find, work.undo),
        Step("stage", "Copy it anew", f"From {layout.version(name)}, beside the tree that users have.", work.stage),
        Step("verify", "Verify the copy", "Reads every file and compares it with the manifest.", work.verify),
        Step(
            "exchange", "Exchange the trees", f"{layout.resident(name)}, in one instant; the old goes.", work.exchange
        ),
    )
    stays = f" {kept} stays as it is." if kept else ""
    return Plan("discard", f"Discards what was changed in “{name}” since it was sealed.{stays}", steps)


class _Work:
    """What the steps of one discard share."""

    def __init__(self, description: Description) -> None:
        self._description = description

    def find(self, context: Context) -> None:
        layout, active = context.layout, self._description
        journal.begin(layout, LANE, operation=context.operation, kind="discard", version=active.name)
        content = versions.tree(layout, active.name).manifest
        found = list(drift.changes(layout, active, content))
        context.note(f"{len(found)} paths have changed.")
        for item in found[:200]:
            context.tell("output", str(item))
        context.outcome |= {"version": active.name, "discarded": [item._asdict() for item in found[:200]]}

    def stage(self, context: Context) -> None:
        layout, active = context.layout, self._description
        porter = Porter(context.sink, context.stop, context.lock_fds, context.advance)
        # The tree that users have may have changed without a trace: nothing of it is shared.
        others = [tree for tree in resident.reusable(layout) if tree.path != layout.resident(active.name)]
        source = Tree(layout.version(active.name), resident.own(layout, active))
        resident.fill(layout, active, source, others, porter)

    def verify(self, context: Context) -> None:
        layout, active = context.layout, self._description
        staged = Tree(layout.staging(active.name), versions.tree(layout, active.name).manifest)
        trees.verify(staged, drift.EVERYTHING, apart=active.externals)

    def exchange(self, context: Context) -> None:
        context.stop.check()
        layout, active = context.layout, self._description
        journal.amend(layout, LANE, staged=renewal.staged_inodes(layout, active))
        renewal.renew(layout, active)
        journal.end(context.layout, LANE, "succeeded")
        context.note(f"{context.layout.live} is “{self._description.name}” as it was sealed.")

    def undo(self, context: Context) -> None:
        resident.unstage(context.layout, self._description.name)
        journal.end(context.layout, LANE, "undone")
