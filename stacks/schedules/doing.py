"""What a schedule asks for, by the same functions as a click."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from stacks import observation, operations, rollouts
from stacks.engine.errors import NothingToDo, Refused
from stacks.models import Operation, Rollout, Schedule, Version
from stacks.rollouts import places

Kind = Schedule.Kind
LONGEST_REASON = 500


def submit(schedule: Schedule, *, by: User, how: str = "") -> Operation | Rollout:
    """Submit what a schedule asks for; raises what the click would, and NothingToDo where all is as it should be."""
    asked: dict[str, Any] = {"requested_by": by, "reason": reason(schedule, how)}
    machine = schedule.machine
    if schedule.kind == Kind.BUILD:
        return operations.build(machine=machine, recipe_name=schedule.recipe, deploy=schedule.deploy, **asked)
    if schedule.kind == Kind.BACKUP:
        return operations.backup(machine=machine, **asked)
    if schedule.kind == Kind.VERIFY:
        return operations.verify(machine=machine, version=_active(schedule), full=True, **asked)
    return _deploy(schedule, by=by, why=asked["reason"])


def reason(schedule: Schedule, how: str = "") -> str:
    """Say which schedule of whom asks, and why."""
    why = f": {schedule.reason}" if schedule.reason else ""
    return f"Schedule “{schedule.name}” of {schedule.owner}{how}{why}"[:LONGEST_REASON]


def unfinished(schedule: Schedule) -> str:
    """Name what a schedule submitted last and has not ended, "" where it has."""
    last = schedule.runs.filter(state="submitted").select_related("operation", "rollout").first()
    if last is None:
        return ""
    if last.rollout is not None:
        return "" if last.rollout.is_final else f"{last.rollout} ({last.rollout.state})"
    if last.operation is None:
        return ""
    child = last.operation.children.filter(state__in=Operation.UNFINISHED).first()
    one = last.operation if not last.operation.is_final else child
    return f"{one} ({one.state})" if one else ""


def _deploy(schedule: Schedule, *, by: User, why: str) -> Operation | Rollout:
    version, machines = _newest(schedule).name, [schedule.machine, *schedule.to.order_by("name")]
    if all(places.is_active(machine, version) for machine in machines):
        raise NothingToDo(f"“{version}” is the newest of {schedule.recipe}, and active already.")
    if len(machines) == 1:
        return operations.deploy(machine=schedule.machine, version=version, requested_by=by, reason=why)
    pace = rollouts.Pace(canary=1)
    return rollouts.deploy(machines=machines, version=version, pace=pace, requested_by=by, reason=why)


def _newest(schedule: Schedule) -> Version:
    """Give the newest version of a recipe that is neither marked bad nor was found unhealthy; raises Refused.

    Raises NothingToDo where it was active before: somebody went back from it, and a schedule knows no better.
    """
    machine = schedule.machine
    of_recipe = machine.versions.filter(removed_at=None, bad_since=None, recipe_revision__recipe__name=schedule.recipe)
    unhealthy = machine.activations.filter(healthy=False).values("version")
    found = of_recipe.exclude(pk__in=unhealthy).order_by("-generation").first()
    if found is None:
        raise Refused(f"No healthy version of {schedule.recipe} is on {machine.name}: build one first.")
    was = machine.activations.filter(version=found).order_by("-activated_at").first()
    if was is not None and was.ended_at is not None:
        raise NothingToDo(
            f"“{found.name}”, the newest of {schedule.recipe}, was active on {machine.name} before, and somebody went "
            "back from it: deploy it by hand if it is wanted again."
        )
    return found


def _active(schedule: Schedule) -> str:
    active = observation.observe(schedule.machine).get("active")
    if not active:
        raise Refused(f"Nothing is active on {schedule.machine.name}.")
    return str(active)
