"""What an operator needs at 3 a.m. of one machine: what is active since when, what changed, and what a revert does."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from stacks import activations, live, marks, observation, operations, problems, timeline
from stacks.differences import Differences, between
from stacks.engine.errors import Refused
from stacks.models import Activation, Machine, Operation, Version
from stacks.plans.base import Plan
from stacks.timeline import HOURS, Happened

TARGETS = 5
RECENT = 10  # reverts or deploys whose time is looked at
LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the last operations of a kind took: the median in seconds, and of how many."""

    kind: str
    seconds: float
    count: int


@dataclass(frozen=True, slots=True)
class Incident:
    """The facts of one machine: `targets` are what reverts lead to, the nearest first; `target` is looked at."""

    machine: Machine
    status: dict[str, Any]
    activation: Activation | None
    version: Version | None
    targets: list[Version]
    target: Version | None
    differences: Differences | None
    plan: Plan | None
    refusal: str
    pace: Pace | None
    happened: Happened
    problems: list[dict[str, Any]]

    @property
    def active(self) -> str:
        """The version that is active: what the disk says, or else the record."""
        return active_in(self.status, self.activation)

    @property
    def agreed(self) -> Activation | None:
        """The activation on record, where it is of the version that is active."""
        return self.activation if self.activation and self.activation.version.name == self.active else None

    @property
    def frozen(self) -> str:
        """Who froze the machine, since when and why."""
        return marks.frozen(self.machine)

    @property
    def bad(self) -> str:
        """Who marked the active version bad, since when and why."""
        return marks.bad(self.version) if self.version else ""


def of(machine: Machine, *, target: str = "", hours: int = HOURS) -> Incident:
    """Gather the facts of a machine; `target` names the version whose revert is looked at, the nearest by default."""
    seen = observation.observe(machine)
    activation = _current(machine)
    active = active_in(seen, activation)
    targets = activations.targets(machine)
    named = next((one.name for one in targets if one.name == target), targets[0].name if targets else "")
    rows = _contents(machine, {active, named})
    plan, refusal = _plan(machine, named)
    version, to = rows.get(active), rows.get(named)
    return Incident(
        machine=machine,
        status=seen,
        activation=activation,
        version=version,
        targets=targets[:TARGETS],
        target=to,
        differences=between(to, version) if to and version else None,
        plan=plan,
        refusal=refusal,
        pace=pace(machine),
        happened=timeline.of(machine, hours, timeline.ON_PAGE),
        problems=_problems(machine, seen, activation),
    )


def active_in(seen: dict[str, Any], activation: Activation | None) -> str:
    """Name what is active: as the status document `seen` says, or else the record."""
    if "active" in seen:
        return str(seen["active"] or "")
    return activation.version.name if activation else ""


def pace(machine: Machine) -> Pace | None:
    """Tell how long the last reverts took, or else the last deploys; None where there was neither."""
    kinds = (Operation.Kind.REVERT, Operation.Kind.DEPLOY)
    ended = machine.operations.filter(kind__in=kinds, state=Operation.State.SUCCEEDED)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for operation in ended.only("machine", "kind", "started_at", "finished_at")[:LOOKED_AT]:
        times[operation.kind].append(live.seconds_taken(operation) or 0)
    found = ((kind, taken[:RECENT]) for kind, taken in times.items() if taken)
    return next((Pace(kind, median(taken), len(taken)) for kind, taken in found), None)


def _current(machine: Machine) -> Activation | None:
    unended = machine.activations.filter(ended_at=None)
    return unended.select_related("version", "activated_by", "operation").defer(*activations.LARGE).first()


def _contents(machine: Machine, names: set[str]) -> dict[str, Version]:
    rows = machine.versions.filter(name__in=names, removed_at=None).defer("lockfile")
    told = ("bad_by", "operation__requested_by", "recipe_revision__recipe")
    return {row.name: row for row in rows.select_related(*told)}


def _plan(machine: Machine, target: str) -> tuple[Plan | None, str]:
    if not target:
        return None, ""
    try:
        return operations.preview(machine=machine, kind=Operation.Kind.REVERT, parameters={"version": target}), ""
    except Refused as refusal:
        return None, str(refusal)


def _problems(machine: Machine, seen: dict[str, Any], activation: Activation | None) -> list[dict[str, Any]]:
    further = problems.of([machine]).get(machine.pk, [])
    recorded = activation.version.name if activation else ""
    return [*problems.seen(seen), *further, *problems.disagreement(seen, recorded)]
