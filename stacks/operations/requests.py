"""The three verbs as an operator asks for them: inputs checked early, then one operation submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from stacks import observation, plans
from stacks.engine import owner
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.recipe import parse
from stacks.models import Machine, Operation
from stacks.operations.checks import (
    checked_directory,
    checked_strategy,
    latest_revision,
    left,
    need_healthy_once,
    need_sealed,
    need_target,
    propose_name,
    refuse_if_active,
    refuse_if_taken,
)
from stacks.operations.choices import USUAL, Choices
from stacks.operations.guards import refuse_if_barred
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
        "kernel_dir": checked_directory(machine, kernel_dir),
        "strategy": checked_strategy(machine, strategy),
        "deploy": deploy,
    }
    _refuse_early(machine, Kind.BUILD, {**parameters, "generation": 0})
    asked = {"requested_by": requested_by, "reason": reason}
    return submit_sealing(machine=machine, kind=Kind.BUILD, parameters=parameters, **asked)


def rebuild(
    *, machine: Machine, like: str, name: str | None = None, requested_by: User | None, reason: str = ""
) -> Operation:
    """Ask for a new version from exactly what the sealed version `like` was built from: recipe, options, lockfile.

    Raises Refused as `build` does, and when `like` is not sealed.
    """
    refuse_if_busy(machine, Operation.Lane.BUILD)
    need_sealed(machine, like, observation.observe(machine))
    version = name or propose_name(machine)
    refuse_if_taken(machine, version)
    parameters = {"version": version, "like": like, "strategy": machine.strategy, "kernel_dir": "", "deploy": False}
    _refuse_early(machine, Kind.BUILD, {**parameters, "generation": 0})
    asked = {"requested_by": requested_by, "reason": reason}
    return submit_sealing(machine=machine, kind=Kind.BUILD, parameters=parameters, **asked)


def solve(
    *, machine: Machine, recipe_name: str, options: Sequence[str] = (), requested_by: User | None, reason: str = ""
) -> Operation:
    """Ask what a build of a recipe's latest revision would change against the active version; nothing is built.

    Raises Refused for an unknown recipe or option, and a busy lane.
    """
    refuse_if_busy(machine, Operation.Lane.BUILD)
    revision = latest_revision(recipe_name)
    chosen = list(dict.fromkeys(options))
    parse(revision.text).with_options(chosen)
    asked = {"recipe": revision.recipe.name, "revision": revision.number, "recipe_text": revision.text}
    parameters = {**asked, "options": chosen}
    _refuse_early(machine, Kind.SOLVE, parameters)
    return submit(machine=machine, kind=Kind.SOLVE, parameters=parameters, requested_by=requested_by, reason=reason)


def deploy(
    *,
    machine: Machine,
    version: str,
    choices: Choices = USUAL,
    requested_by: User | None,
    reason: str = "",
    parent: Operation | None = None,
) -> Operation:
    """Ask to make a sealed version active; raises Refused when it is not sealed or is active already."""
    refuse_if_busy(machine, Operation.Lane.LIVE)
    seen = observation.outline(machine)
    need_sealed(machine, version, seen)
    if seen.get("backing") == version:
        refuse_if_active(machine, version, seen)
    return submit(
        machine=machine,
        kind=Kind.DEPLOY,
        parameters={"version": version, **choices.checked(reason)},
        requested_by=requested_by,
        reason=reason,
        parent=parent,
    )


def revert(
    *,
    machine: Machine,
    version: str | None = None,
    choices: Choices = USUAL,
    mark_bad: bool = False,
    requested_by: User | None,
    reason: str = "",
) -> Operation:
    """Ask to put an earlier version back: the last healthy one, or `version` when that was healthy once.

    With `mark_bad`, which needs a reason, the version that is left is marked bad when the revert has succeeded.
    Raises Refused when there is none, when it is active already or marked bad, and when the lane is busy.
    """
    refuse_if_busy(machine, Operation.Lane.LIVE)
    target = version or need_target(machine).name
    seen = observation.outline(machine)
    need_sealed(machine, target, seen)
    refuse_if_active(machine, target, seen)
    need_healthy_once(machine, target)
    parameters = {"version": target, **choices.checked(reason), **(left(machine, seen, reason) if mark_bad else {})}
    return submit(machine=machine, kind=Kind.REVERT, parameters=parameters, requested_by=requested_by, reason=reason)


def retry(*, operation: Operation, by: User | None) -> Operation:
    """Ask again, with the same parameters, for an operation that did not succeed.

    What makes a version gets a generation of now; one whose name was only proposed gets a new name too.
    """
    refuse_unless_retryable(operation)
    machine, parameters = operation.machine, dict(operation.parameters)
    rest: dict[str, Any] = {"requested_by": by, "reason": operation.reason, "retry_of": operation}
    if operation.kind in (Kind.BUILD, Kind.COPY):
        refuse_if_taken(machine, parameters["version"])
        return submit_sealing(machine=machine, kind=operation.kind, parameters=parameters, **rest)
    if operation.kind in (Kind.KERNEL_INSTALL, Kind.KERNEL_REMOVE):
        with transaction.atomic():
            parameters |= {"version": propose_name(machine), "generation": allot_generation(machine)}
            return submit(machine=machine, kind=operation.kind, parameters=parameters, **rest)
    return submit(machine=machine, kind=operation.kind, parameters=parameters, **rest)


def preview(*, machine: Machine, kind: str, parameters: dict[str, Any]) -> Plan:
    """Make the plan of an operation that is not submitted, to show it; raises Refused as the operation would.

    Only the machine itself can: elsewhere this raises Refused too.
    """
    refuse_if_barred(machine=machine, kind=kind, version=parameters.get("version", ""))
    if not observation.is_here(machine):
        raise Refused(f"{machine.name} is another machine: its plan is made there when the operation begins.")
    context = Context(
        layout=Layout(Path(machine.root)),
        owner=owner.resolve(machine.owner),
        operation="",
        parameters=parameters,
        emit=_ignore,
        progress=_ignore,
        # A page or a shell beside a worker that systemd gives its secrets has no way to read those.
        terms=replace(settings.DLSTACK.terms, sees_secrets=settings.DLSTACK.is_embedded),
        wire=settings.DLSTACK.wire,
    )
    return plans.plan_for(kind, context)


def _refuse_early(machine: Machine, kind: str, parameters: dict[str, Any]) -> None:
    if observation.is_here(machine):
        preview(machine=machine, kind=kind, parameters=parameters)


def submit_sealing(*, machine: Machine, kind: str, parameters: dict[str, Any], **rest: Any) -> Operation:
    """Submit an operation that seals a version, with the machine's next generation."""
    with transaction.atomic():
        generation = allot_generation(machine)
        return submit(machine=machine, kind=kind, parameters={**parameters, "generation": generation}, **rest)


def _ignore(told: object) -> None:
    """Take an event of a plan that is only shown."""
