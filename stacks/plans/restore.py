"""The plan of a restore: after a reboot serve from disk at once, fill the ramdisk, then serve from RAM again."""

from __future__ import annotations

import os

from stacks.engine import journal, links, ramdisk, resident, versions
from stacks.engine.errors import NothingToDo, Refused
from stacks.engine.layout import Layout
from stacks.engine.versions import Description
from stacks.plans import deploy, in_place
from stacks.plans.base import Context, Plan, Step


def plan(context: Context) -> Plan:
    """Plan a restore of the version behind the backing link; raises NothingToDo when there is nothing to restore.

    With the parameter `serve_only` it ends when the version is served from disk.
    """
    layout = context.layout
    description = versions.need_sealed(layout, context.parameters.get("version") or _behind(layout))
    if resident.is_served(layout, description):
        raise NothingToDo(f"“{description.name}” is active and in the ramdisk: there is nothing to restore.")
    work = _Serve(description)
    serve = Step("serve", "Serve from disk meanwhile", _serving(layout, description), work.run, work.undo)
    if context.parameters.get("serve_only"):
        end = Step("end", "Note that it is served", "The ramdisk is filled by the next restore.", _end)
        return Plan("restore", f"Serves “{description.name}” from disk until the ramdisk is filled.", (serve, end))
    if resident.is_in_place(layout):
        refill = in_place.plan(context, description, "restore").steps
    else:
        refill = deploy.steps(context, description, "restore")
    summary = f"Brings “{description.name}” back into the ramdisk; until then users run it from disk, slowly."
    return Plan("restore", summary, (serve, *refill))


def _behind(layout: Layout) -> str:
    name = resident.backing(layout)
    if name is None and not os.path.lexists(layout.backing):
        raise NothingToDo(f"Nothing was deployed in {layout.root} yet: there is nothing to restore.")
    if name is None:
        raise Refused(f"{layout.backing} names no version on disk: deploy one instead.")
    return name


def _end(context: Context) -> None:
    journal.end(context.layout, deploy.LANE, "succeeded")


def _serving(layout: Layout, description: Description) -> str:
    return f"{layout.live} → {layout.version(description.name).name}, unless it leads to a whole tree."


class _Serve:
    """Points the live path at the version on disk, at once."""

    def __init__(self, description: Description) -> None:
        self._description = description

    def run(self, context: Context) -> None:
        layout, name = context.layout, self._description.name
        journal.begin(layout, deploy.LANE, operation=context.operation, kind="restore", version=name)
        self._serve(context)
        ramdisk.prepare(layout, context.owner)

    def undo(self, context: Context) -> None:
        """Leave the live path on disk: that is the state from which a restore begins again."""
        journal.end(context.layout, deploy.LANE, "undone")

    def _serve(self, context: Context) -> None:
        layout, name = context.layout, self._description.name
        if resident.active(layout) is not None and versions.identity(layout.live):
            context.note(
                f"{layout.live} leads to {os.path.realpath(layout.live)}: it is left until the ramdisk is full."
            )
            return
        links.switch(layout.live, layout.version(name).name, tree=layout.version(name))
        context.note(f"{layout.live} is “{name}” on disk: in service again.")
