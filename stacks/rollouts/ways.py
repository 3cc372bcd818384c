"""Where all machines stand for a rollout, for pages: in a number of queries that does not grow with the machines."""

from __future__ import annotations

from dataclasses import dataclass

from stacks import activations
from stacks.models import Activation, Machine, Operation, Version

_HEAVY = (*activations.LARGE, *(f"returns_to__{name}" for name in activations.LARGE))


@dataclass(frozen=True, slots=True)
class Way:
    """A machine, what is active there, and to what it would go (“” for nowhere); `busy` is what its lane does now."""

    machine: Machine
    active: str
    to: str
    busy: Operation | None = None

    @property
    def key(self) -> str:
        """What this was when a page was opened, in one line."""
        return f"{self.machine.name} {self.active} {self.to}"


def back() -> list[Way]:
    """Give what a revert of each machine leads to, by name."""
    return _ways({pk: _name(one.returns_to) for pk, one in _current().items()})


def forth(version: str) -> list[Way]:
    """Give the machines by name; those that have a version lead to it."""
    having = Version.objects.filter(name=version, removed_at=None).values_list("machine", flat=True)
    return _ways(dict.fromkeys(having, version))


def names() -> list[str]:
    """Name the versions that are on any machine, the latest first."""
    listed = Version.objects.filter(removed_at=None).order_by("-sealed_at").values_list("name", flat=True)
    return list(dict.fromkeys(listed))


def _ways(to: dict[int, str]) -> list[Way]:
    current, working = _current(), Operation.objects.filter(lane=Operation.Lane.LIVE, state__in=Operation.UNFINISHED)
    busy = {one.machine_id: one for one in working.only("machine", "kind", "state")}
    return [
        Way(machine, _name(current.get(machine.pk)), to.get(machine.pk, ""), busy.get(machine.pk))
        for machine in Machine.objects.defer("observed").order_by("name")
    ]


def _current() -> dict[int, Activation]:
    rows = Activation.objects.filter(ended_at=None).select_related("version", "returns_to__version").defer(*_HEAVY)
    return {one.machine_id: one for one in rows}


def _name(activation: Activation | None) -> str:
    return activation.version.name if activation else ""
