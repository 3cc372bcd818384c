"""What is active on each machine and what a revert would put back, without the rest of what pages show of machines."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from stacks.engine import resident
from stacks.engine.layout import Layout
from stacks.models import Activation, Machine
from stacks.observation import is_here


@dataclass(frozen=True, slots=True)
class Standing:
    """A machine, its active version and the previous one by name, "" for none, as `Shown` tells them."""

    machine: Machine
    active: str
    previous: str


def standing(names: Collection[str] = ()) -> list[Standing]:
    """Give that of the machines with these names, or of all, in one query."""
    found = _machines().filter(name__in=names) if names else _machines()
    return [Standing(machine, _active(machine), machine.previous or "") for machine in found]


def _machines() -> QuerySet[Any]:
    unended = Activation.objects.filter(machine=OuterRef("pk"), ended_at=None)
    return Machine.objects.only("name", "root").annotate(
        previous=Subquery(unended.values("returns_to__version__name")[:1]),
        recorded=Subquery(unended.values("version__name")[:1]),
        was_seen=Q(observed__has_key="active"),
        seen=F("observed__active"),
    )


def _active(machine: Any) -> str:
    if is_here(machine):
        return resident.active(Layout(Path(machine.root))) or ""
    return (machine.seen if machine.was_seen else machine.recorded) or ""
