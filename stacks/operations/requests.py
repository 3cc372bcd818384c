"""The three verbs as an operator asks for them: inputs checked early, then one operation submitted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from stacks import activations, observation, plans
from stacks.engine import owner
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout, check_name
from stacks.engine.recipe import parse
from stacks.models import Activation, Machine, Operation, Recipe, RecipeRevision, Version
from stacks.operations.submission import allot_generation, refuse_if_busy, refuse_unless_retryable, submit
from stacks.plans.base import Context, Plan

Kind = Operation.Kind


def build(  # noqa: PLR0913 — each is one field of the form
    *,
    machine: Machine,
    recipe_name: str,
    name: str | None = None,
    options: Sequence[str] = (),
    kernel_dir: str = "",
    strategy: str = "",
    deploy: bool = False,
    requested_by: User | None,
    reason: str = "",
) -> Operation:
    """Ask for a new version from the latest revision of a recipe; `name` is proposed when it is not given.

    Raises Refused for an unknown recipe or option, a name that is bad or taken, and a busy lane.
    """
    refuse_if_busy(machine, Operation.Lane.BUILD)
    revision = latest_revision(recipe_name)
    chosen = list(dict.fromkeys(options))
    parse(revision.text).with_options(chosen)
    version = name or propose_name(machine)
    refuse_if_taken(machine, version)
    parameters = {
        "version": version,
        "recipe": revision.recipe.name,
        "revision": revision.number,
        "recipe_text": revision.text,
        "options": chosen,
        "kernel_dir": _checked_directory(machine, kernel_dir),
        "strategy": _checked_strategy(machine, strategy),
        "deploy": deploy,
    }
    return _submit_build(machine=machine, parameters=parameters, requested_by=requested_by, reason=reason)


def deploy(
    *,
    machine: Machine,
    version: str,
    requested_by: User | None,
    reason: str = "",
    parent: Operation | None = None,
) -> Operation:
    """Ask to make a sealed version active; raises Refused when it is not sealed or is active already."""
    refuse_if_busy(machine, Operation.Lane.LIVE)
    seen = observation.observe(machine)
    _need_sealed(machine, version, seen)
    if seen.get("backing") == version:
        _refuse_if_active(machine, version, seen)
    return submit(
        machine=machine,
        kind=Kind.DEPLOY,
        parameters={"version": version},
        requested_by=requested_by,
        reason=reason,
        parent=parent,
    )


def revert(*, machine: Machine, version: str | None = None, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to put an earlier version back: the last healthy one, or `version` when that was healthy once.

    Raises Refused when there is none, when it is active already, and when the lane is busy.
    """
    refuse_if_busy(machine, Operation.Lane.LIVE)
    target = version or _need_target(machine).name
    seen = observation.observe(machine)
    _need_sealed(machine, target, seen)
    _refuse_if_active(machine, target, seen)
    _need_healthy_once(machine, target)
    parameters = {"version": target}
    return submit(machine=machine, kind=Kind.REVERT, parameters=parameters, requested_by=requested_by, reason=reason)


def retry(*, operation: Operation, by: User | None) -> Operation:
    """Ask again, with the same parameters, for an operation that did not succeed."""
    refuse_unless_retryable(operation)
    machine, parameters = operation.machine, dict(operation.parameters)
    if operation.kind == Kind.BUILD:
        refuse_if_taken(machine, parameters["version"])
        return _submit_build(
            machine=machine, parameters=parameters, requested_by=by, reason=operation.reason, retry_of=operation
        )
    return submit(
        machine=machine,
        kind=operation.kind,
        parameters=parameters,
        requested_by=by,
        reason=operation.reason,
        retry_of=operation,
    )


def preview(*, machine: Machine, kind: str, parameters: dict[str, Any]) -> Plan:
    """Make the plan of an operation that is not submitted, to show it; raises Refused as the operation would.

    Only the machine itself can: elsewhere this raises Refused too.
    """
    if not observation.is_here(machine):
        raise Refused(f"{machine.name} is another machine: its plan is made there when the operation begins.")
    context = Context(
        layout=Layout(Path(machine.root)),
        owner=owner.resolve(machine.owner),
        operation="",
        parameters=parameters,
        emit=_ignore,
        progress=_ignore,
    )
    return plans.plan_for(kind, context)


def propose_name(machine: Machine) -> str:
    """Propose the name of the next version: today's date, with .2, .3 … when that is taken."""
    today = timezone.localdate().isoformat()
    taken = _names(machine)
    names = [today, *(f"{today}.{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken and not _is_on_disk(machine, name))


def refuse_if_taken(machine: Machine, name: str) -> None:
    """Raise Refused when a version cannot have this name: it is none, or taken in the database or on disk."""
    check_name(name)
    if name in _names(machine) or _is_on_disk(machine, name):
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


def _submit_build(*, machine: Machine, parameters: dict[str, Any], **rest: Any) -> Operation:
    with transaction.atomic():
        generation = allot_generation(machine)
        return submit(machine=machine, kind=Kind.BUILD, parameters={**parameters, "generation": generation}, **rest)


def _ignore(told: object) -> None:
    """Take an event of a plan that is only shown."""


def _names(machine: Machine) -> set[str]:
    listed = {str(version["name"]) for version in machine.observed.get("versions", [])}
    return listed | set(machine.versions.filter(removed_at__isnull=True).values_list("name", flat=True))


def _is_on_disk(machine: Machine, name: str) -> bool:
    return observation.is_here(machine) and os.path.lexists(Layout(Path(machine.root)).version(name))


def _checked_strategy(machine: Machine, strategy: str) -> str:
    if strategy and strategy not in Machine.Strategy.values:
        raise Refused(f"There is no strategy “{strategy}”; there are: {', '.join(Machine.Strategy.values)}.")
    return strategy or machine.strategy


def _checked_directory(machine: Machine, directory: str) -> str:
    if directory and not directory.startswith("/"):
        raise Refused(f"The kernel directory must be an absolute path: {directory}")
    if directory and observation.is_here(machine) and not Path(directory).is_dir():
        raise Refused(f"The kernel directory {directory} does not exist on {machine.name}.")
    return directory


def _need_sealed(machine: Machine, name: str, seen: dict[str, Any]) -> None:
    check_name(name)
    listed = seen.get("versions", [])
    sealed = sorted(str(version["name"]) for version in listed if version.get("sealed"))
    if name not in sealed:
        why = "is not sealed" if name in {version["name"] for version in listed} else "does not exist"
        raise Refused(f"The version “{name}” {why} on {machine.name}. Sealed are: {', '.join(sealed) or 'none'}.")


def _refuse_if_active(machine: Machine, name: str, seen: dict[str, Any]) -> None:
    if seen.get("active") == name and name in seen.get("resident", []):
        raise Refused(f"The version “{name}” is already active on {machine.name}: there is nothing to do.")


def _need_target(machine: Machine) -> Version:
    target = activations.revert_target(machine)
    if target is None:
        why = f"There is no earlier healthy version on {machine.name} to go back to"
        raise Refused(f"{why}: deploy a version by its name instead.")
    return target


def _need_healthy_once(machine: Machine, name: str) -> None:
    if not Activation.objects.filter(machine=machine, version__name=name, healthy=True).exists():
        raise Refused(f"The version “{name}” was never active and healthy on {machine.name}: deploy it instead.")
