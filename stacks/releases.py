"""What became of a machine's software for those who use it: one release for each change of what is active.

A release tells what anybody may read: versions, packages, kernelspecs and the note; never who, why or where on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from stacks.differences import Change, Differences, Group, between
from stacks.models import Activation, Machine, Version

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Release:
    """A version that became active at `at`, until `until` (None: it still is), after `previous` ("" for the first)."""

    machine: str
    version: str
    note: str
    at: datetime
    until: datetime | None
    previous: str
    differences: Differences | None
    kernels: Group
    titles: dict[str, str]

    @property
    def groups(self) -> list[tuple[str, Group]]:
        """The packages that changed, by what users call their environment."""
        found = self.differences.environments if self.differences else []
        return [(self.titles.get(group.name, group.name), group) for group in found]

    @property
    def summary(self) -> str:
        """Say in one sentence how many packages and kernelspecs changed."""
        if self.differences is None:
            return "The first version on record."
        counts = {word: getattr(self.differences, word) for word in ("changed", "added", "removed")}
        told = [f"{count} {word}" for word, count in counts.items() if count]
        packages = f"Packages: {', '.join(told)}." if told else "The same packages."
        kernels = ", ".join(map(_told, self.kernels.all))
        return f"{packages} Kernels: {kernels}." if kernels else packages


def _told(kernel: Change) -> str:
    if not kernel.before:
        return f"“{kernel.after}” is new"
    return f"“{kernel.before}” is now “{kernel.after}”" if kernel.after else f"“{kernel.before}” is gone"


def of(machine: Machine, *, version: str | None = None, count: int = SHOWN) -> list[Release]:
    """Give the last `count` releases of a machine, or of one of its versions, the newest first."""
    known = machine.activations.order_by("-id").values_list("id", "version_id", "version__name")
    steps = [(now, before) for now, before in _steps(known) if version is None or now[2] == version][:count]
    ids = [one[0] for step in steps for one in step if one]
    found = Activation.objects.filter(pk__in=ids).select_related("version").in_bulk()
    return [
        _release(machine.name, found[now[0]], found[before[0]].version if before else None) for now, before in steps
    ]


Known = tuple[int, int, str]


def _steps(known: Iterable[Known]) -> Iterator[tuple[Known, Known | None]]:
    """Pair each activation with the one before it; the same version once more is no release."""
    listed = list(known)
    for now, before in zip(listed, [*listed[1:], None], strict=False):
        if before is None or before[1] != now[1]:
            yield now, before


def _release(machine: str, activation: Activation, before: Version | None) -> Release:
    version = activation.version
    differences = between(before, version) if before else None
    return Release(
        machine=machine,
        version=version.name,
        note=version.note,
        at=activation.activated_at,
        until=activation.ended_at,
        previous=before.name if before else "",
        differences=differences,
        kernels=_kernels(before, version),
        titles=_titles(version) | (_titles(before) if before else {}),
    )


def _kernels(before: Version | None, after: Version) -> Group:
    """Compare what users see in their list of kernels: the display names."""
    old, new = _names(before) if before else {}, _names(after)
    changes = [Change(new.get(key) or old[key], old.get(key, ""), new.get(key, "")) for key in sorted({*old, *new})]
    return Group(
        "kernelspecs",
        added=[one for one in changes if not one.before] if before else [],
        removed=[one for one in changes if not one.after],
        changed=[one for one in changes if one.before and one.after and one.before != one.after],
    )


def _names(version: Version) -> dict[str, str]:
    return {str(spec["name"]): str(spec.get("display_name") or spec["name"]) for spec in version.kernelspecs}


def _titles(version: Version) -> dict[str, str]:
    titles: dict[str, list[str]] = {}
    for spec in version.kernelspecs:
        titles.setdefault(str(spec.get("environment", "")), []).append(str(spec.get("display_name") or spec["name"]))
    return {environment: ", ".join(names) for environment, names in titles.items()}
