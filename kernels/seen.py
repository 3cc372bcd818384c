"""The kernels of a machine: read from its disk where that is here, else as its worker saw them last."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kernels import parsed
from kernels.models import Inventory
from stacks.engine import resident, versions
from stacks.engine.kernels import checks, inventory
from stacks.engine.kernels import running as counted
from stacks.engine.kernels.inventory import Sight
from stacks.engine.kernels.running import Running
from stacks.engine.layout import Layout
from stacks.models import Machine
from stacks.observation import is_here
from stacks.storable import storable

Documents = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The kernels of one tree, as documents of `stacks.engine.kernels`; `taken_at` is None for what was read just now.

    `version` is "" where nothing of that is known.
    """

    version: str
    kernels: Documents
    taken_at: datetime | None = None


def kernels(machine: Machine, version: str = "") -> Seen:
    """Give the kernels of a version, or of what is live; raises Refused when there is no such version here."""
    if is_here(machine):
        layout = Layout(Path(machine.root))
        name = version or resident.active(layout) or ""
        found = inventory.take(_sight(layout, name if version else "")) if version or layout.live.is_dir() else []
        return Seen(name, [storable(kernel.plain()) for kernel in found])
    name = version or str(machine.observed.get("active") or "")
    row = Inventory.objects.filter(machine=machine, version=name).order_by("-live").first() if name else None
    return Seen(row.version, row.kernels, row.taken_at) if row else Seen(name, [])


def libraries(machines: Collection[Machine]) -> dict[int, Documents]:
    """Give the libraries that are known, by machine, in one query."""
    rows = Inventory.objects.filter(machine__in=machines).exclude(library=[]).order_by("taken_at")
    listed = rows.values_list("machine", parsed.text_of("library"))
    found = {machine: parsed.documents(library) for machine, library in listed}
    for machine in machines:
        if is_here(machine):
            sight = _sight(Layout(Path(machine.root)), "")
            found[machine.pk] = [storable(kernel.plain()) for kernel in inventory.of_library(sight)]
    return found


def running(machine: Machine) -> list[Running]:
    """Count the kernels that run here, by version, user and kernelspec; nothing is known of another machine."""
    if not is_here(machine):
        return []
    layout = Layout(Path(machine.root))
    trees = {name: resident.place(layout, name) for name in resident.in_ram(layout)}
    found = {}
    for name, tree in trees.items():
        found[name] = inventory.specs(checks.sight_of(layout, tree, versions.sealed(layout, name)))
    return counted.count(trees, found, layout.live)


def tally(machine: Machine) -> dict[str, Any]:
    """Count the kernels that run here by version, the most first, under `kernels_running`."""
    found: dict[str, list[Running]] = {}
    for one in running(machine):
        found.setdefault(one.version, []).append(one)
    counted_up = [
        {"version": name, "kernels": sum(one.count for one in many), "users": len({one.user for one in many})}
        for name, many in found.items()
    ]
    return {"kernels_running": sorted(counted_up, key=lambda one: (-int(one["kernels"]), one["version"]))}


def _sight(layout: Layout, version: str) -> Sight:
    if version:
        return checks.sight_of(layout, layout.version(version), versions.need_sealed(layout, version))
    active = resident.active(layout)
    tree = Path(os.path.realpath(layout.live))
    return checks.sight_of(layout, tree, versions.sealed(layout, active) if active else None)
