"""The plans that take versions away: remove one, or prune all that are surplus."""

from __future__ import annotations

from functools import partial

from stacks.engine import journal, removal, sizes, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.plans.base import Context, Plan, Step

LANE = "build"
KEEP = 3


def remove(context: Context) -> Plan:
    """Plan the removal of the version in the parameters; raises Refused when it must stay."""
    name = context.parameters["version"]
    _check(context, name)
    return _plan(context, "remove", [name])


def prune(context: Context) -> Plan:
    """Plan the removal of all versions but the newest `keep`; raises Refused when there is nothing to remove."""
    stay = [*_pinned(context), *context.parameters.get("given", ()), context.parameters.get("reverts_to", "")]
    names = removal.surplus(context.layout, int(context.parameters.get("keep", KEEP)), stay)
    free = [name for name in names if _is_free(context.layout, name)]
    if not free:
        raise Refused(
            "There is nothing to prune: every version is active, protected, pinned, in use, or among the newest."
        )
    return _plan(context, "prune", free)


def _is_free(layout: Layout, name: str) -> bool:
    try:
        removal.check_unused(layout, name)
    except Refused:
        return False
    return True


def _check(context: Context, name: str) -> None:
    if name == context.parameters.get("reverts_to"):
        raise Refused(f"“{name}” is what a revert would put back: it cannot be removed.")
    if name in context.parameters.get("given", ()):
        raise Refused(f"“{name}” is being copied to another machine: wait until that has ended.")
    removal.check(context.layout, name, _pinned(context))


def _pinned(context: Context) -> list[str]:
    return list(context.parameters.get("pinned", []))


def _plan(context: Context, kind: str, names: list[str]) -> Plan:
    layout = context.layout
    freed = removal.freed(layout.version(name) for name in names)
    listed = ", ".join(f"“{name}”" for name in names)
    steps = [
        Step(
            f"remove-{name}",
            f"Remove {name}",
            f"Deletes {layout.version(name)} and its copy in the ramdisk, if any.",
            partial(_remove, name),
        )
        for name in names
    ]
    measure = Step("measure", "Measure what is left", "Counts the bytes of the versions that stay.", _measure)
    summary = f"Deletes {listed}, which frees {freed / 1e6:.1f} MB; the package caches stay."
    return Plan(kind, summary, (*steps, measure))


def _remove(name: str, context: Context) -> None:
    # The live lane too: a deploy must not copy from a version that goes.
    with lane_lock(context.layout, "live", f"the removal of {name}"):
        _check(context, name)
        kind = "remove" if "version" in context.parameters else "prune"
        journal.begin(context.layout, LANE, operation=context.operation, kind=kind, version=name)
        freed = removal.freed([context.layout.version(name)])
        for sentence in removal.remove(context.layout, name):
            context.tell("warning", sentence)
    journal.end(context.layout, LANE, "succeeded")
    context.outcome["freed"] = context.outcome.get("freed", 0) + freed
    context.outcome.setdefault("removed", []).append(name)
    context.note(f"“{name}” was removed.")


def _measure(context: Context) -> None:
    measured = sizes.refresh(context.layout)
    context.outcome["unique"] = {name: size.unique_bytes for name, size in measured.items()}
    context.note(f"{len(versions.all_sealed(context.layout))} versions stay.")
