"""Which build of a version machines have: that two have a version of one name does not make it the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stacks.engine.errors import Refused
from stacks.models import Machine, Version

SHORT = 8  # digits of a manifest's digest that people are shown


def of(version: str, machines: Sequence[Machine]) -> dict[int, str]:
    """Give the digest of the manifest of a version on record, by machine."""
    rows = Version.objects.filter(name=version, machine__in=machines, removed_at=None)
    return dict(rows.values_list("machine", "manifest_digest"))


def apart(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Sort machines, each with the digest that it has, by digests; the one that most have is the first."""
    found: dict[str, list[str]] = {}
    for machine, digest in named:
        found.setdefault(digest, []).append(machine)
    return dict(sorted(found.items(), key=lambda one: -len(one[1])))


def refuse_apart(version: str, machines: Sequence[Machine]) -> None:
    """Raise Refused, with the machines of each, where a version of one name is not the same build on all of them."""
    digests = of(version, machines)
    found = apart((machine.name, digests[machine.pk]) for machine in machines if machine.pk in digests)
    if len(found) > 1:
        told = "; ".join(f"{digest[:SHORT]} on {', '.join(names)}" for digest, names in found.items())
        raise Refused(
            f"“{version}” is not the same build on all of these machines: {told}. Build it once under "
            "another name and copy that to all, or say that each may take its own build (--any-build)."
        )


def refuse_other(machine: Machine, version: str, digest: str) -> None:
    """Raise Refused where a machine has another build of a version than it had when that was asked for."""
    now = of(version, [machine]).get(machine.pk, "")
    if digest and now and now != digest:
        raise Refused(
            f"“{version}” of {machine} is another build by now, {now[:SHORT]}; {digest[:SHORT]} was asked for: "
            "cancel this, and ask anew."
        )
