"""The plan of a deploy: copy a sealed version into the ramdisk, check it, and switch the live path to it."""

from __future__ import annotations

from collections.abc import Collection

from stacks.engine import externals, journal, memory, mounts, resident, services, versions
from stacks.engine.errors import Refused
from stacks.engine.trees import Cloned, Porter
from stacks.engine.versions import Description
from stacks.plans import health, in_place
from stacks.plans.base import Context, Plan, Step
from stacks.plans.pausing import Pausing

LANE = "live"


def plan(context: Context) -> Plan:
    """Plan a deploy of the version in the parameters; raises Refused when it is not sealed, or active, or too big."""
    if resident.is_in_place(context.layout):
        return in_place.plan(context, versions.need_sealed(context.layout, context.parameters["version"]), "deploy")
    description = _check(context)
    return Plan("deploy", _summary(context, description, "Makes"), steps(context, description, "deploy"))


def _check(context: Context) -> Description:
    layout = context.layout
    description = versions.need_sealed(layout, context.parameters["version"])
    externals.check_rights(externals.of(description))
    resident.check_room(layout, description.name)
    if resident.is_served(layout, description):
        raise Refused(f"“{description.name}” is active already: there is nothing to do.")
    return description


def _summary(context: Context, description: Description, verb: str) -> str:
    before = resident.active(context.layout)
    instead = f" instead of “{before}”" if before else ""
    return f"{verb} “{description.name}” active{instead}. Readers of the live path get one or the other, never neither."


def steps(
    context: Context, description: Description, kind: str, *, kernels: Collection[str] | None = None
) -> tuple[Step, ...]:
    """Give the steps that make a version active that is sealed by then; nothing is copied when it is resident.

    Of `kernels`, if given, only those are started that it names: the others are known to be well. Services go on
    meanwhile, as there is no outage, unless the parameter `pause` asks for it.
    """
    pausing = Pausing(services.configured(context.layout) if context.parameters.get("pause") else [])
    work = _Work(description, kind, resident.active(context.layout), pausing, kernels)
    pause, resume = ((step,) for step in pausing.steps()) if context.parameters.get("pause") else ((), ())
    layout, name = context.layout, description.name
    return (
        Step(
            "preflight",
            "Check the machine",
            "Checks that the version is sealed and fits into the ramdisk.",
            work.preflight,
            work.undo,
        ),
        Step("stage", "Copy into the ramdisk", _staging(context, name), work.stage),
        Step("verify", "Verify the copy", "Compares the copy with the version's manifest.", work.verify),
        Step(
            "health",
            "Start its kernels",
            "Starts each kernel at the live path, in a sandbox, before users get it.",
            work.health,
        ),
        *pause,
        Step(
            "activate",
            "Switch the live path",
            f"{layout.live} → {resident.live_target(layout, name)}, by one rename; "
            f"then {layout.backing} → {layout.version(name).name}.",
            work.activate,
        ),
        *resume,
        Step("confirm", "Confirm", "Reads the live path back, as users see it.", work.confirm),
    )


def _staging(context: Context, name: str) -> str:
    if not mounts.is_tmpfs(context.layout.ramdisk):
        return "The ramdisk is not there yet."
    if versions.sealed(context.layout, name) is None:
        return "Shares with the resident version what is equal, and copies the rest."
    need = resident.need(context.layout, name)
    free = mounts.room(context.layout.ramdisk).bytes_free
    if not need.inodes:
        return "Nothing to copy: the version is resident."
    return f"Adds {need.bytes / 1e6:.0f} MB; {free / 1e6:.0f} MB are free. What a resident version holds is shared."


class _Work:
    """What the steps of one deploy share; `previous` is the version that was active before."""

    def __init__(
        self,
        description: Description,
        kind: str,
        previous: str | None,
        pausing: Pausing,
        kernels: Collection[str] | None,
    ) -> None:
        self._description = description
        self._kind = kind
        self._previous = previous
        self._pausing = pausing
        self._kernels = kernels
        self._before: dict[str, str | None] | None = None
        self._staged: Cloned | None = None

    @property
    def _name(self) -> str:
        return self._description.name

    def preflight(self, context: Context) -> None:
        layout = context.layout
        self._description = versions.need_sealed(layout, self._name)
        resident.check_room(layout, self._name)
        if not layout.ramdisk.is_symlink() and (said := memory.warning(layout.ramdisk)):
            context.tell("warning", said)
        made_here = self._kernels is not None
        self._before = resident.links_now(layout)
        journal.begin(
            layout,
            LANE,
            operation=context.operation,
            kind=self._kind,
            version=self._name,
            previous=self._previous,
            paused=self._pausing.look(),
            uuid=self._description.uuid if made_here else "",
            links=self._before,
        )

    def stage(self, context: Context) -> None:
        porter = Porter(context.sink, context.stop, context.lock_fds, context.advance)
        if self._name in versions.residents(context.layout):
            context.note(f"“{self._name}” is resident: nothing to copy.")
            self._refresh_externals(context, porter)
            return
        self._staged = resident.stage(context.layout, self._description, porter, current=self._current(context))
        linked, copied = len(self._staged.linked), len(self._staged.copied)
        context.note(f"{linked} files shared, {copied} copied ({self._staged.copied_bytes / 1e6:.1f} MB).")

    def _refresh_externals(self, context: Context, porter: Porter) -> None:
        current = self._current(context)
        for path in resident.refresh_externals(context.layout, self._description, porter, current=current):
            context.note(f"{path} was brought up to date: {'the current one' if current else 'as it was sealed'}.")

    def _current(self, context: Context) -> bool:
        """Tell whether external environments stay as they are now, rather than go back with the version."""
        return bool(context.parameters.get("externals", "current") == "current")

    def verify(self, context: Context) -> None:
        if self._staged is None:
            context.note("Verified when it was copied; its identity is in place.")
            return
        resident.verify(context.layout, self._description, self._staged)
        context.note("The copy agrees with the manifest.")

    def health(self, context: Context) -> None:
        if self._staged is None:
            context.note("Its kernels were started when it was copied; it was healthy then.")
            return
        health.gate(context, self._description, context.layout.staging(self._name), only=self._kernels)
        resident.admit(context.layout, self._description)

    def activate(self, context: Context) -> None:
        context.stop.check()
        if self._staged is not None:
            # Their owners may have written since they were copied: to check that copy and start kernels takes a while.
            self._refresh_externals(context, Porter(context.sink, context.stop, context.lock_fds, context.advance))
            context.fence()
        resident.activate(context.layout, self._name)

    def confirm(self, context: Context) -> None:
        resident.confirm(context.layout, self._description)
        context.note(f"{context.layout.live} is “{self._name}”.")
        context.outcome["healthy"] = True
        if self._kind == "deploy":
            # After a revert seconds count, and what is put back was healthy before.
            health.confirm(context, self._description)
        context.outcome |= {
            "version": self._name,
            "uuid": self._description.uuid,
            "previous": self._previous,
            "copied_bytes": self._staged.copied_bytes if self._staged else 0,
            "linked_files": len(self._staged.linked) if self._staged else 0,
        }
        journal.end(context.layout, LANE, "succeeded", healthy=context.outcome["healthy"])

    def undo(self, context: Context) -> None:
        """Make the links say what they said before if the live path had moved, and remove a half-made copy.

        Where that fails the journal keeps its word: the next operation completes it.
        """
        layout = context.layout
        try:
            if self._before is not None and resident.undo(layout, self._name, self._before):
                context.note(f"“{self._previous}” was put back." if self._previous else "The links were put back.")
        finally:
            if mounts.is_tmpfs(layout.ramdisk):
                resident.unstage(layout, self._name)
        journal.end(layout, LANE, "undone")
