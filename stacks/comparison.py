"""Whether machines agree: with what was asked of them last, and with each other on what is active."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from stacks import differences
from stacks.models import Machine, Operation, RolloutTarget, Version
from stacks.rollouts.builds import SHORT
from stacks.standing import standing

ASKED = (Operation.Kind.DEPLOY, Operation.Kind.REVERT)
Digests = dict[int, dict[str, str]]  # of manifests, by machine and name of a version


@dataclass(frozen=True, slots=True)
class Asked:
    """The last deploy or revert that was asked for on a machine: its version, how it stands, and its rollout if any."""

    version: str
    operation: int
    kind: str
    state: str
    rollout: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One machine: what is active, of which build, what was asked for last, and in what it disagrees, in sentences."""

    machine: str
    active: str
    digest: str = ""
    asked: Asked | None = None
    says: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All machines, those that disagree first; `usual` is the version that most have active, and its build's digest."""

    rows: list[Row]
    usual: str = ""
    digest: str = ""

    @property
    def disagreeing(self) -> int:
        """How many machines disagree in anything."""
        return sum(bool(row.says) for row in self.rows)


def compare() -> Comparison:
    """Compare all machines as they were seen last, in a number of queries that grows with nothing."""
    listed = standing()
    active = {one.machine.pk: one.active for one in listed}
    names = {one.machine.pk: one.machine.name for one in listed}
    asked = _asked(active)
    digests = _digests(active, {*active.values()} - {""})
    built = Counter((name, digests[pk].get(name, "")) for pk, name in active.items() if name)
    usual, digest = min(built, key=lambda one: (-built[one], one)) if built else ("", "")
    rows = [
        Row(names[pk], name, digests[pk].get(name, ""), asked.get(pk), _says(name, asked.get(pk), digests[pk], built))
        for pk, name in active.items()
    ]
    return Comparison(sorted(rows, key=lambda row: (not row.says, row.machine)), usual, digest)


def contents(rows: Sequence[Row], usual: str, digest: str) -> dict[str, differences.Differences]:
    """Tell, by machine, in which packages and kernels its active version differs from the usual one, in two queries."""
    apart = [row for row in rows if row.active and row.digest != digest]
    pairs = [Q(machine__name=row.machine, name=row.active) for row in apart]
    found = Version.objects.filter(reduce(or_, pairs), removed_at=None) if pairs else Version.objects.none()
    there = {one.machine.name: one for one in found.select_related("machine").only(*_CONTENT)}
    of_usual = Version.objects.filter(name=usual, manifest_digest=digest, removed_at=None).only(*_CONTENT[2:]).first()
    if of_usual is None:
        return {}
    return {machine: differences.between(of_usual, version) for machine, version in there.items()}


_CONTENT = ("machine__name", "name", "packages", "kernelspecs")


def document(found: Comparison) -> dict[str, Any]:
    """Give a comparison as JSON types."""
    return {
        "usual": {"version": found.usual or None, "manifest": found.digest or None},
        "machines": [_of_row(row) for row in found.rows],
    }


def _of_row(row: Row) -> dict[str, Any]:
    asked = row.asked
    told = asked and {
        "version": asked.version, "operation": asked.operation, "kind": asked.kind, "state": asked.state,
        "rollout": asked.rollout,
    }  # fmt: skip
    return {
        "machine": row.machine, "active": row.active or None, "manifest": row.digest or None, "asked": told,
        "disagrees": row.says,
    }  # fmt: skip


def _asked(machines: Iterable[int]) -> dict[int, Asked]:
    # Of each kind by itself, which an index knows: a machine may have had thousands of others since.
    last = [Operation.objects.filter(machine=OuterRef("pk"), kind=kind).order_by("-id") for kind in ASKED]
    rows = Machine.objects.filter(pk__in=list(machines)).values_list(*(Subquery(one.values("pk")[:1]) for one in last))
    latest = [max(filter(None, keys)) for keys in rows if any(keys)]
    fields = ("machine", "pk", "kind", "state", "parameters__version")
    operations = list(Operation.objects.filter(pk__in=latest).values_list(*fields))
    keys = [operation for _, operation, *_ in operations]
    targets = RolloutTarget.objects.filter(operation__in=keys).order_by().values_list("operation", "rollout")
    back = RolloutTarget.objects.filter(revert_operation__in=keys).order_by().values_list("revert_operation", "rollout")
    rollouts = dict(targets.union(back))
    return {
        machine: Asked(str(version or ""), operation, kind, state, rollouts.get(operation))
        for machine, operation, kind, state, version in operations
    }


def _digests(machines: Collection[int], names: Collection[str]) -> Digests:
    found: Digests = {pk: {} for pk in machines}
    rows = Version.objects.filter(machine__in=machines, name__in=names, removed_at=None)
    for machine, name, digest in rows.values_list("machine", "name", "manifest_digest"):
        found[machine][name] = digest
    return found


def _says(active: str, asked: Asked | None, here: dict[str, str], built: Counter[tuple[str, str]]) -> list[str]:
    """Say in what a machine disagrees; `built` counts machines by the version and build that is active on them."""
    said = [_other_than_asked(active, asked), _other_build(active, here.get(active, ""), built)]
    if built:
        usual, _ = min(built, key=lambda one: (-built[one], one))
        if active != usual:
            said.append(f"{usual} is active on most{'' if usual in here else ', and is not here'}.")
    return [sentence for sentence in said if sentence]


def _other_than_asked(active: str, asked: Asked | None) -> str:
    if asked is None or not asked.version or asked.version == active or asked.state in Operation.UNFINISHED:
        return ""
    became = active or "nothing"
    how = f"{asked.kind} #{asked.operation}"
    if asked.state == Operation.State.SUCCEEDED:
        return f"{asked.version} was made active by {how}; {became} is active since."
    return f"{asked.version} was asked for, but {how} ended as {asked.state}: {became} is active."


def _other_build(active: str, digest: str, built: Counter[tuple[str, str]]) -> str:
    if not active:
        return ""
    if not digest:
        return f"{active} is active, and is no sealed version on record."
    same = {one: count for (name, one), count in built.items() if name == active and one}
    most = min(same, key=lambda one: (-same[one], one))
    if digest == most:
        return ""
    others = f"{same[most]} other machine{'s' * (same[most] > 1)}"
    return f"Its {active} is another build, {digest[:SHORT]}, than on {others}."
