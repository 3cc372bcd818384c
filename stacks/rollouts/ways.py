"""Where all machines stand for a rollout, for pages: in a number of queries that does not grow with the machines."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import Max

from stacks.models import Activation, Machine, Operation, Version


@dataclass(frozen=True, slots=True)
class Way:
    """A machine, what is active there, and to what it would go (“” for nowhere); `busy` is what its lane does now.

    `digest` is that of the manifest of what it would go to, where a version was asked for.
    """

    machine: Machine
    active: str
    to: str
    busy: Operation | None = None
    digest: str = ""

    @property
    def key(self) -> str:
        """What this was when a page was opened, in one line."""
        return f"{self.machine.name} {self.active} {self.to}"


def back() -> list[Way]:
    """Give what a revert of each machine leads to, by name."""
    current = _current()
    return _ways({pk: before for pk, (_, before) in current.items()}, current)


def forth(version: str) -> list[Way]:
    """Give the machines by name; those that have a version lead to it."""
    having = dict(Version.objects.filter(name=version, removed_at=None).values_list("machine", "manifest_digest"))
    ways = _ways(dict.fromkeys(having, version), _current())
    return [replace(way, digest=having.get(way.machine.pk, "")) for way in ways]


def names() -> list[str]:
    """Name the versions that are on any machine, the latest first."""
    listed = Version.objects.filter(removed_at=None).values("name").annotate(last=Max("sealed_at"))
    return [one["name"] for one in listed.order_by("-last")]


Current = dict[int, tuple[str, str]]  # by machine what is active, and what a revert would put back, "" for nothing


def _ways(to: dict[int, str], current: Current) -> list[Way]:
    working = Operation.objects.filter(lane=Operation.Lane.LIVE, state__in=Operation.UNFINISHED)
    busy = {one.machine_id: one for one in working.only("machine", "kind", "state")}
    return [
        Way(machine, current.get(machine.pk, ("", ""))[0], to.get(machine.pk, ""), busy.get(machine.pk))
        for machine in Machine.objects.defer("observed").order_by("name")
    ]


def _current() -> Current:
    rows = Activation.objects.filter(ended_at=None)
    told = rows.values_list("machine", "version__name", "returns_to__version__name")
    return {machine: (active, before or "") for machine, active, before in told}
