"""The plan of a solve: what a build of a recipe would change against the active version; nothing is built or left."""

from __future__ import annotations

from functools import partial
from typing import Any

from stacks import differences
from stacks.differences import Listed
from stacks.engine import area, grounds, recipe, resident, strategies, versions
from stacks.engine.build import Building
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.installers import INSTALLERS
from stacks.engine.strategies import Strategy
from stacks.engine.versions import Description
from stacks.plans import asking
from stacks.plans.base import Context, Plan, Step
from stacks.plans.build import resolve_steps
from stacks.plans.building import Work

Change = dict[str, Any]
_NOTHING: Change = {"added": {}, "removed": {}, "changed": {}}
_UNKNOWN = "It cannot be known before it is made."
_NOTES = {
    "script": "What a script installs cannot be known before it runs.",
    "external": "It is carried over as its owner has it.",
}


def plan(context: Context) -> Plan:
    """Plan to resolve a recipe and compare; raises Refused for a bad recipe and for what is not to be had here."""
    building = asking.without_name(context.parameters, context.terms)
    for environment in building.recipe.environments:
        INSTALLERS[environment.installer].check(environment)
    strategy = _strategy(building.recipe.environments)
    if strategy != "sandbox":
        grounds.check(context.layout, context.owner)
    work = Work(building, strategy)
    against = resident.active(context.layout)
    explains = f"Compares it with “{against}”." if against else "No version is active: all of it would be new."
    steps = (
        Step(
            "prepare",
            "Prepare the build area",
            f"Makes an empty tree below {context.layout.build_area}.",
            partial(work.prepare, kind="solve"),
            partial(_clear, work),
        ),
        *resolve_steps(building, work),
        Step("compare", "Compare", explains, partial(_compare, building, work)),
    )
    return Plan("solve", f"Finds out what a build of {building.recipe.name} would change. Nothing is kept.", steps)


def _strategy(environments: tuple[Environment, ...]) -> Strategy:
    try:
        return strategies.choose("sandbox", environments)
    except Refused:
        return "repoint"  # resolving needs no tree at the live path, and touches none


def _compare(building: Building, work: Work, context: Context) -> None:
    name = resident.active(context.layout)
    before = versions.sealed(context.layout, name) if name else None
    found = _changes(before, building)
    for path, change in found.items():
        context.note(f"{path}: {_spell(change)}")
    context.outcome |= {"lockfile": building.lockfile, "against": before.name if before else None, "changes": found}
    area.clear(context.layout)
    work.end(context, "succeeded")


def _changes(before: Description | None, building: Building) -> dict[str, Change]:
    """Compare each environment; one that cannot be known says so, one that the recipe has no more is removed whole."""
    installers = {item.path: item.installer for item in building.recipe.environments}
    after = {path: INSTALLERS[name].packages(building.lockfile[path]) for path, name in installers.items()}
    known = {path: found for path, found in after.items() if found is not None}
    paths = [path for path in (before.packages if before else {}) if path not in after]
    held = {path: _held(before, path) for path in [*known, *paths]}
    document = differences.as_document(differences.between(Listed(held), Listed(known)))["environments"]
    changes = {path: dict(document.get(path, _NOTHING)) for path in [*after, *paths]}
    return {path: change | _note(after, installers, path) for path, change in changes.items()}


def _note(after: dict[str, dict[str, str] | None], installers: dict[str, str], path: str) -> Change:
    return {"note": _NOTES.get(installers[path], _UNKNOWN)} if path in after and after[path] is None else {}


def _held(before: Description | None, path: str) -> dict[str, str]:
    """What a version holds: by its lockfile, which is complete and spelled alike, else by what was found installed."""
    if before is None:
        return {}
    try:
        environments = recipe.parse(before.recipe_text).environments
        installer = next(item.installer for item in environments if item.path == path)
        locked = INSTALLERS[installer].packages(before.lockfile[path])
    except (Refused, StopIteration, KeyError):
        locked = None
    return before.packages.get(path, {}) if locked is None else locked


def _spell(change: Change) -> str:
    if "note" in change:
        return str(change["note"])
    counts = [f"{len(change[word])} {word}" for word in _NOTHING if change[word]]
    return ", ".join(counts) or "nothing changes"


def _clear(work: Work, context: Context) -> None:
    area.clear(context.layout)
    work.end(context, "undone")
