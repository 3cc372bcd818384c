"""What pages show of machines: the status document (the truth on disk) joined with what is on record."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from stacks import problems
from stacks.models import Activation, Machine, Operation, Version
from stacks.observation import is_here, observe
from stacks.windows import Standing


@dataclass(frozen=True)
class Tree:
    """One version of a machine: what the disk says (`found`) and what is on record (`row`)."""

    name: str
    found: dict[str, Any]
    row: Version | None
    active: bool
    backing: bool
    resident: bool
    verb: str

    @property
    def sealed(self) -> bool:
        """Tell whether the version is complete and described; only then it can be deployed."""
        return bool(self.found.get("sealed", self.row is not None))

    @property
    def on_disk(self) -> bool:
        """Tell whether the last look at the disk found the version."""
        return bool(self.found)

    @property
    def bytes(self) -> int | None:
        """The tree's size."""
        return self.found.get("bytes") or (self.row.bytes if self.row else None)

    @property
    def unique_bytes(self) -> int | None:
        """What no other version shares, as the disk says or else as was recorded last."""
        found = self.found.get("unique_bytes")
        return found if found is not None else (self.row.unique_bytes if self.row else None)

    @property
    def own_share(self) -> float:
        """The part of the tree, in percent, that no other version shares."""
        return min(100.0, 100 * (self.unique_bytes or 0) / self.bytes) if self.bytes else 0.0

    @property
    def shared_share(self) -> float:
        """The part of the tree, in percent, that is shared with other versions."""
        return 100 - self.own_share if self.bytes else 0.0

    @property
    def sealed_at(self) -> datetime | float | None:
        """When the version was sealed."""
        return self.row.sealed_at if self.row else self.found.get("sealed_at")

    @property
    def recipe(self) -> str:
        """The recipe it was built from, with its revision."""
        revision = self.row.recipe_revision if self.row else None
        return f"{revision.recipe.name} r{revision.number}" if revision else str(self.found.get("recipe") or "")

    @property
    def note(self) -> str:
        """What somebody wrote on it."""
        return self.row.note if self.row else ""


@dataclass(frozen=True)
class Shown:
    """One machine as its card and its page show it."""

    machine: Machine
    status: dict[str, Any]
    activation: Activation | None = None
    unfinished: list[Operation] = field(default_factory=list)
    versions: dict[str, Version] = field(default_factory=dict)
    last: Operation | None = None
    healthy: frozenset[str] = frozenset()
    further: list[dict[str, Any]] = field(default_factory=list)
    windows: list[Standing] = field(default_factory=list)

    @property
    def read_here(self) -> bool:
        """Tell whether the disk was read for this very page."""
        return is_here(self.machine)

    @property
    def disk_used(self) -> int:
        """Bytes in use on the disk of the versions."""
        disk = self.status.get("disk", {})
        return int(disk.get("bytes_total", 0)) - int(disk.get("bytes_free", 0))

    @property
    def recorded(self) -> str:
        """The version that is active according to the record."""
        return self.activation.version.name if self.activation else ""

    @property
    def active(self) -> str:
        """The version that is active: what the disk says, or else the record."""
        return str(self.status["active"] or "") if "active" in self.status else self.recorded

    @property
    def was_active(self) -> str:
        """The version that should be active where nothing is, as after a reboot ("" where all is well, or new)."""
        return "" if self.active else self.recorded or str(self.status.get("backing") or "")

    @property
    def previous(self) -> str:
        """The version that a revert would put back ("" when there is none)."""
        return getattr(self.machine, "previous", None) or ""

    @property
    def agreed(self) -> Activation | None:
        """The activation on record, where it is of the version that the disk says is active."""
        return self.activation if self.recorded == self.active else None

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What is wrong, each with the one thing to do about it."""
        disagreement = problems.disagreement(self.status, self.recorded)
        return [*problems.seen(self.status), *self.further, *disagreement]

    @property
    def unsealed(self) -> bool:
        """Tell whether something lies where versions do that is not sealed."""
        return any(not tree.sealed for tree in self.trees)

    @cached_property
    def largest(self) -> int:
        """Bytes of the largest version: what the blocks of the picture are measured by."""
        return max((tree.bytes or 0 for tree in self.trees), default=0)

    @cached_property
    def trees(self) -> list[Tree]:
        """Every version on disk or on record, the newest generation first."""
        found = {item["name"]: item for item in self.status.get("versions", [])}
        names = sorted({*found, *self.versions}, key=lambda name: (-self._generation(found, name), name))
        return [self._tree(name, found.get(name, {})) for name in names]

    def _generation(self, found: dict[str, Any], name: str) -> int:
        row = self.versions.get(name)
        return row.generation if row else int(found[name].get("generation") or 0)

    def _tree(self, name: str, found: dict[str, Any]) -> Tree:
        backing, resident = self.status.get("backing"), self.status.get("resident", [])
        verb = "revert" if name in self.healthy and self._is_earlier(name) else "deploy"
        row = self.versions.get(name)
        return Tree(name, found, row, name == self.active, name == backing, name in resident, verb)

    def _is_earlier(self, name: str) -> bool:
        row, active = self.versions.get(name), self.versions.get(self.active)
        return row is not None and (active is None or row.generation < active.generation)


def all_machines(chosen: Collection[int] | None = None, coming: Collection[Standing] = ()) -> list[Shown]:
    """Show machines, all or those with the chosen keys, in a number of queries that does not grow with them.

    Of the freeze windows that are `coming` each machine shows its own.
    """
    machines = list(machines_shown() if chosen is None else machines_shown().filter(pk__in=chosen))
    active = {item.machine_id: item for item in _current().filter(machine__in=machines)}
    ended = Operation.objects.defer("steps", "outcome", "message")
    last = ended.in_bulk([machine.last_id for machine in machines if machine.last_id])
    unfinished = Operation.objects.filter(machine__in=machines, state__in=Operation.UNFINISHED)
    running = _by_machine(unfinished.select_related("requested_by"))
    further = problems.of(machines)
    return [
        Shown(
            machine,
            observe(machine),
            active.get(machine.pk),
            running.get(machine.pk, []),
            last=last.get(machine.last_id),
            further=further.get(machine.pk, []),
            windows=[one for one in coming if one.window.machine_id == machine.pk],
        )
        for machine in machines
    ]


def one_machine(machine: Machine, coming: Collection[Standing] = ()) -> Shown:
    """Show one of `machines_shown` with its versions on record, and the freeze windows that are `coming`."""
    versions = machine.versions.filter(removed_at=None).select_related("recipe_revision__recipe", "bad_by")
    unfinished = machine.operations.filter(state__in=Operation.UNFINISHED).select_related("requested_by")
    healthy = machine.activations.filter(healthy=True).values_list("version__name", flat=True).distinct()
    return Shown(
        machine,
        observe(machine),
        _current().filter(machine=machine).first(),
        list(unfinished),
        {item.name: item for item in versions},
        healthy=frozenset(healthy),
        further=problems.of([machine]).get(machine.pk, []),
        windows=list(coming),
    )


def machines_shown() -> QuerySet[Any]:
    """Machines with `previous`, by `stacks.activations`, and `last_id`, of the operation that ended last."""
    unended = Activation.objects.filter(machine=OuterRef("pk"), ended_at=None)
    ended = Operation.objects.filter(machine=OuterRef("pk"), state__in=Operation.FINAL).order_by("-id")
    return Machine.objects.select_related("frozen_by").annotate(
        previous=Subquery(unended.values("returns_to__version__name")[:1]), last_id=Subquery(ended.values("id")[:1])
    )


def _current() -> QuerySet[Activation]:
    heavy = ("version__lockfile", "version__packages", "version__kernelspecs")
    return Activation.objects.filter(ended_at=None).select_related("version", "activated_by").defer(*heavy)


def _by_machine(operations: Iterable[Operation]) -> dict[int, list[Operation]]:
    grouped: dict[int, list[Operation]] = {}
    for operation in operations:
        grouped.setdefault(operation.machine_id, []).append(operation)
    return grouped
