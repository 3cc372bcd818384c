"""What is looked at before an operation is submitted: names, versions, directories; each raises Refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.utils import timezone

from stacks import activations, marks, observation
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout, check_name
from stacks.models import Activation, Machine, Operation, Recipe, RecipeRevision, Version


def propose_name(machine: Machine) -> str:
    """Propose the name of the next version: today's date, with .2, .3 … when that is taken."""
    today = timezone.localdate().isoformat()
    taken = names_of(machine)
    names = [today, *(f"{today}.{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken and not is_on_disk(machine, name))


def refuse_if_taken(machine: Machine, name: str) -> None:
    """Raise Refused when a version cannot have this name: it is none, or taken in the database or on disk."""
    check_name(name)
    if name in names_of(machine) or is_on_disk(machine, name):
        raise Refused(
            f"The name “{name}” is taken on {machine.name}: choose another, for example {propose_name(machine)}."
        )


def latest_revision(recipe_name: str) -> RecipeRevision:
    """Give the latest revision of a recipe; raises Refused that lists the recipes when there is none."""
    found = RecipeRevision.objects.filter(recipe__name=recipe_name).select_related("recipe").order_by("-number").first()
    if found is None:
        known = ", ".join(Recipe.objects.values_list("name", flat=True)) or "none"
        raise Refused(f"There is no recipe “{recipe_name}”; there are: {known}.")
    return found


def names_of(machine: Machine) -> set[str]:
    """Name every version of a machine that is on record or was seen."""
    listed = {str(version["name"]) for version in machine.observed.get("versions", [])}
    # What is being built has a name before it has a place on disk.
    unfinished = machine.operations.filter(state__in=Operation.UNFINISHED).values_list("parameters", flat=True)
    listed |= {str(asked["version"]) for asked in unfinished if asked.get("version")}
    return listed | set(machine.versions.filter(removed_at__isnull=True).values_list("name", flat=True))


def is_on_disk(machine: Machine, name: str) -> bool:
    """Tell whether something lies on this machine's disk where a version would."""
    return observation.is_here(machine) and os.path.lexists(Layout(Path(machine.root)).version(name))


def checked_strategy(machine: Machine, strategy: str) -> str:
    """Give the strategy of a build, the machine's own when none is asked for; raises Refused for an unknown one."""
    if strategy and strategy not in Machine.Strategy.values:
        raise Refused(f"There is no strategy “{strategy}”; there are: {', '.join(Machine.Strategy.values)}.")
    return strategy or machine.strategy


def checked_directory(machine: Machine, directory: str) -> str:
    """Give a kernelspec directory back; raises Refused when it is relative or not there."""
    if directory and not directory.startswith("/"):
        raise Refused(f"The kernel directory must be an absolute path: {directory}")
    if directory and observation.is_here(machine) and not Path(directory).is_dir():
        raise Refused(f"The kernel directory {directory} does not exist on {machine.name}.")
    return directory


def need_sealed(machine: Machine, name: str, seen: dict[str, Any]) -> None:
    """Raise Refused, with those that are, unless a version is sealed in the status document `seen`."""
    check_name(name)
    listed = seen.get("versions", [])
    sealed = sorted(str(version["name"]) for version in listed if version.get("sealed"))
    if name not in sealed:
        why = "is not sealed" if name in {version["name"] for version in listed} else "does not exist"
        raise Refused(f"The version “{name}” {why} on {machine.name}. Sealed are: {', '.join(sealed) or 'none'}.")


def refuse_if_active(machine: Machine, name: str, seen: dict[str, Any]) -> None:
    """Raise Refused when a version is active and resident already."""
    if seen.get("active") == name and name in seen.get("resident", []) and not _is_outdated(machine, name):
        raise Refused(f"The version “{name}” is already active on {machine.name}: there is nothing to do.")


def _is_outdated(machine: Machine, active: str) -> bool:
    """Tell whether the record knows of a change since another machine's worker saw a version active."""
    now = None if observation.is_here(machine) else activations.current(machine)
    return now is not None and now.version.name != active


def need_target(machine: Machine) -> Version:
    """Give what a revert leads to; raises Refused when there is nothing."""
    target = activations.revert_target(machine)
    if target is None:
        why = f"There is no earlier healthy version on {machine.name} to go back to"
        raise Refused(f"{why}: deploy a version by its name instead.")
    return target


def need_healthy_once(machine: Machine, name: str) -> None:
    """Raise Refused unless a version was active and healthy once."""
    if not Activation.objects.filter(machine=machine, version__name=name, healthy=True).exists():
        raise Refused(f"The version “{name}” was never active and healthy on {machine.name}: deploy it instead.")


def left(machine: Machine, seen: dict[str, Any], reason: str) -> dict[str, Any]:
    """Give the parameter that names what a revert leaves, to be marked bad; raises Refused without a reason.

    Empty where nothing is active: a mark is never in the way of a revert.
    """
    marks.checked_reason(reason, "mark the version that is left as bad")
    active = seen["active"] if "active" in seen else getattr(activations.current(machine), "version", None)
    return {"mark_bad": str(active)} if active else {}
