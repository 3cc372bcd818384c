"""The plan of a deploy, revert or restore under layout in-place: pause, rsync into the live tree, verify, resume.

Production is torn while rsync runs; the plan says for how long it was the last time it would have read every file.
"""

from __future__ import annotations

from stacks.engine import externals, inplace, journal, links, resident, services, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.trees import Porter
from stacks.engine.versions import Description
from stacks.plans import health
from stacks.plans.base import Context, Plan, Step
from stacks.plans.pausing import Pausing

LANE = "live"


def plan(context: Context, description: Description, kind: str) -> Plan:
    """Plan to make a version the one tree; raises Refused when it is that already, or is too big for the ramdisk.

    A `discard` makes it that again, whatever was changed in it.
    """
    layout = context.layout
    if kind != "discard" and resident.is_served(layout, description):
        raise Refused(f"“{description.name}” is active already: there is nothing to do.")
    externals.check_rights(externals.of(description))
    inplace.check_room(layout, description)
    pausing = Pausing(services.configured(layout))
    previous = description if kind == "discard" else _previous(context, description)
    work = _Work(description, kind, previous, pausing)
    pause, resume = pausing.steps(then=work.end)
    before = (_gate(work, description, layout),) if kind == "deploy" else ()
    steps = (
        Step(
            "preflight",
            "Check the machine",
            "Notes what runs now, and what is about to change.",
            work.preflight,
            work.end,
        ),
        *before,
        pause,
        Step("sync", "Bring the live tree up to date", _syncing(description), work.sync, work.put_back),
        Step("verify", "Verify the live tree", "Reads every file and compares it with the manifest.", work.verify),
        Step(
            "activate", "Set the links", f"{layout.live} → {layout.ramdisk.name}; {layout.backing} too.", work.activate
        ),
        Step("confirm", "Confirm", "Starts the required kernels through the live path.", work.confirm),
        resume,
    )
    summary = f"Rewrites the live tree in place as “{description.name}”: users see a torn tree until it is done."
    return Plan(kind, summary, steps)


def _gate(work: _Work, description: Description, layout: Layout) -> Step:
    explains = f"Starts each kernel of {layout.version(description.name)} at the live path, in a sandbox."
    return Step("health", "Start its kernels", explains, work.health)


def _previous(context: Context, description: Description) -> Description | None:
    name = resident.active(context.layout) or resident.backing(context.layout)
    return versions.sealed(context.layout, name) if name and name != description.name else None


def _syncing(description: Description) -> str:
    kept = f"; {', '.join(description.externals)} stays as it is" if description.externals else ""
    return f"rsync of {description.files} files, compared by content, deleted last{kept}."


class _Work:
    """What the steps share; `previous` is put back when one fails after the live tree was touched."""

    def __init__(self, description: Description, kind: str, previous: Description | None, pausing: Pausing) -> None:
        self._description = description
        self._kind = kind
        self._previous = previous
        self._pausing = pausing
        self._is_touched = False
        self._ending = "undone"

    def preflight(self, context: Context) -> None:
        layout, name = context.layout, self._description.name
        versions.need_sealed(layout, name)
        journal.begin(
            layout,
            LANE,
            operation=context.operation,
            kind=self._kind,
            version=name,
            previous=self._previous.name if self._previous else None,
            paused=self._pausing.look(),
        )

    def sync(self, context: Context) -> None:
        self._is_touched = True
        inplace.sync(context.layout, self._description, self._porter(context))

    def verify(self, context: Context) -> None:
        inplace.verify(context.layout, self._description)

    def health(self, context: Context) -> None:
        health.gate(context, self._description, context.layout.version(self._description.name))

    def activate(self, context: Context) -> None:
        inplace.activate(context.layout, self._description)

    def confirm(self, context: Context) -> None:
        context.outcome["healthy"] = True
        if self._kind == "deploy":
            # After a revert seconds count, and what is put back was healthy before.
            health.confirm(context, self._description)
        previous = self._previous.name if self._previous else None
        context.outcome |= {"version": self._description.name, "uuid": self._description.uuid, "previous": previous}
        # The journal ends when the services run again: it is what starts them after a kill.
        journal.amend(context.layout, LANE, done=True, healthy=context.outcome["healthy"])
        self._is_touched, self._ending = False, "succeeded"

    def put_back(self, context: Context) -> None:
        if self._previous is None or not self._is_touched:
            return
        self._ending = ""  # where this fails the journal keeps its word, and the next operation tries again
        context.note(f"Putting “{self._previous.name}” back; until it is whole, users get it from disk.")
        place = context.layout.version(self._previous.name)
        links.switch(context.layout.live, place.name, tree=place)
        # The request to end is what brought us here: it must not end this too.
        porter = Porter(context.sink, type(context.stop)(), context.lock_fds)
        inplace.sync(context.layout, self._previous, porter)
        inplace.verify(context.layout, self._previous)
        inplace.activate(context.layout, self._previous)
        self._ending = "undone"

    def end(self, context: Context) -> None:
        if self._ending:
            journal.end(context.layout, LANE, self._ending)

    def _porter(self, context: Context) -> Porter:
        return Porter(context.sink, context.stop, context.lock_fds, context.advance)
