"""The plans that take a root over as it is, and that turn layout in-place into layout resident."""

from __future__ import annotations

from functools import partial

from stacks.engine import adoption, inplace, journal, resident, sizes, versions
from stacks.engine.errors import Refused
from stacks.engine.room import Need
from stacks.engine.trees import Porter
from stacks.engine.versions import Description
from stacks.plans.base import Context, Plan, Step

LANE = "live"


def adopt(context: Context) -> Plan:
    """Plan to take over what was made by hand; raises Refused when there is nothing to take over."""
    layout = context.layout
    adoption.check(layout)
    names = adoption.unsealed(layout)
    first = 1 + versions.newest_generation(layout)
    steps = [Step("prepare", "Make DLStack's directory", f"{layout.state}; nothing else is touched.", _prepare)]
    for generation, name in enumerate(names, first):
        explains = f"Reads every file of {layout.version(name)} and describes it; adds one small file to it."
        steps.append(Step(f"seal-{name}", f"Seal {name}", explains, partial(_seal, name, generation)))
    steps.append(
        Step("ramdisk", "Mark what is in production", "Compares it with the version behind the backing link.", _mark)
    )
    listed = ", ".join(f"“{name}”" for name in names) or "no further version"
    return Plan("adopt", f"Takes over {listed} without changing a byte of them.", tuple(steps))


def _prepare(context: Context) -> None:
    adoption.prepare(context.layout, context.owner)
    for place in adoption.writable_parents(context.layout):
        context.tell("warning", f"{place} can be written by everybody: any user can replace the links in it.")


def _seal(name: str, generation: int, context: Context) -> None:
    made = adoption.seal(context.layout, name, generation, context.note)
    context.outcome.setdefault("sealed" if made else "left", []).append(name)


def _mark(context: Context) -> None:
    adoption.mark_ramdisk(context.layout, context.note)
    sizes.refresh(context.layout)
    context.outcome["active"] = resident.active(context.layout)


def convert(context: Context) -> Plan:
    """Plan the change from layout in-place to resident, without an outage; raises Refused when it cannot be done."""
    layout = context.layout
    if not resident.is_in_place(layout):
        raise Refused(f"{layout.root} has layout resident already.")
    name = resident.active(layout)
    if name is None:
        raise Refused("The tree in the ramdisk is no version that is known: adopt or deploy one first.")
    description = versions.need_sealed(layout, name)
    names = len(versions.tree(layout, name).manifest.entries)
    resident.check_fits(layout, Need(0, names), "The conversion")
    steps = (
        Step("link", "Link the tree under its own name", f"{layout.resident(name)}, by hard links; then the live path "
             "moves to it by one rename.", partial(_convert, description)),
        Step("drop", "Drop the old names", "Those that no process uses.", partial(_drop, description)),
    )  # fmt: skip
    return Plan("convert", "Turns the one tree in the ramdisk into a resident version. Users notice nothing.", steps)


def _convert(description: Description, context: Context) -> None:
    journal.begin(context.layout, LANE, operation=context.operation, kind="convert", version=description.name)
    inplace.convert(context.layout, description, _porter(context))
    journal.end(context.layout, LANE, "succeeded")
    context.outcome["version"] = description.name


def _drop(description: Description, context: Context) -> None:
    context.outcome["left"] = inplace.drop_old_names(context.layout, description, _porter(context))


def _porter(context: Context) -> Porter:
    return Porter(context.sink, context.stop, context.lock_fds, context.advance)
