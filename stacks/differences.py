"""What differs between two versions: packages per environment, and kernelspecs. Pure values in, pure values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Packages = Mapping[str, Mapping[str, str]]


class Content(Protocol):
    """What a version must tell to be compared; a Version row does."""

    @property
    def packages(self) -> Packages: ...

    @property
    def kernelspecs(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A version's content as plain values, for example from a status document."""

    packages: Packages = field(default_factory=dict)
    kernelspecs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One package or kernelspec: `before` is "" where it was added, `after` is "" where it was removed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Group:
    """What changed in one environment (or among the kernelspecs), each list by name."""

    name: str
    added: list[Change]
    removed: list[Change]
    changed: list[Change]

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.added or self.removed or self.changed)

    @property
    def all(self) -> list[Change]:
        """Every change, by name."""
        return sorted([*self.added, *self.removed, *self.changed], key=lambda change: change.name.lower())


@dataclass(frozen=True, slots=True)
class Differences:
    """All that differs from one version to another; environments without a difference are left out."""

    environments: list[Group]
    kernelspecs: Group

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.environments or self.kernelspecs)

    @property
    def added(self) -> int:
        """How many packages are new."""
        return sum(len(group.added) for group in self.environments)

    @property
    def removed(self) -> int:
        """How many packages are gone."""
        return sum(len(group.removed) for group in self.environments)

    @property
    def changed(self) -> int:
        """How many packages have another version."""
        return sum(len(group.changed) for group in self.environments)


def between(before: Content, after: Content) -> Differences:
    """Compare two versions: what the second has, lacks and has in another version than the first."""
    names = sorted({*before.packages, *after.packages})
    groups = [_group(name, before.packages.get(name, {}), after.packages.get(name, {})) for name in names]
    kernelspecs = _group("kernelspecs", _kernelspecs(before), _kernelspecs(after))
    return Differences([group for group in groups if group], kernelspecs)


def as_document(differences: Differences) -> dict[str, Any]:
    """Give the differences as JSON types: per environment added, removed, and changed as [before, after]."""
    return {
        "environments": {group.name: _plain(group) for group in differences.environments},
        "kernelspecs": _plain(differences.kernelspecs),
    }


def _group(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> Group:
    changes = [Change(key, before.get(key, ""), after.get(key, "")) for key in sorted({*before, *after}, key=str.lower)]
    return Group(
        name,
        added=[change for change in changes if change.name not in before],
        removed=[change for change in changes if change.name not in after],
        changed=[c for c in changes if c.name in before and c.name in after and c.before != c.after],
    )


def _kernelspecs(content: Content) -> dict[str, str]:
    return {
        str(spec["name"]): f"{spec.get('display_name', '')} ({spec.get('environment', '')})"
        for spec in content.kernelspecs
    }


def _plain(group: Group) -> dict[str, Any]:
    return {
        "added": {change.name: change.after for change in group.added},
        "removed": {change.name: change.before for change in group.removed},
        "changed": {change.name: [change.before, change.after] for change in group.changed},
    }
