"""What users changed in the active tree, and the two things to do about it."""

from __future__ import annotations

import pwd
from dataclasses import dataclass, replace
from pathlib import Path

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from stacks import differences, observation
from stacks.differences import Differences, Listed
from stacks.engine import drift as engine
from stacks.engine import packages, resident
from stacks.engine.drift import Drift
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import Layout
from stacks.http import Request, viewing
from stacks.models import Machine
from stacks.storable import storable

SHOWN = 500


@dataclass(frozen=True)
class Found:
    """What a look at the active tree has found: its version, paths, packages, and the names of who owns them."""

    version: str
    drift: Drift
    packages: Differences
    owners: list[str]

    @property
    def added(self) -> int:
        """How many paths were added."""
        return self.drift.count("added")

    @property
    def removed(self) -> int:
        """How many paths were removed."""
        return self.drift.count("removed")

    @property
    def changed(self) -> int:
        """How many paths were changed."""
        return self.drift.count("changed")


@viewing
def drift(request: Request, name: str) -> HttpResponse:
    """Compare the active tree with what was sealed, by what the filesystem tells of each path."""
    machine = get_object_or_404(Machine, name=name)
    try:
        found, refusal = _look(machine), ""
    except (EngineError, OSError) as error:
        found, refusal = None, str(error)
    context = {"machine": machine, "found": found, "refusal": refusal, "shown": SHOWN}
    return render(request, "stacks/drift.html", context)


def _look(machine: Machine) -> Found:
    if not observation.is_here(machine):
        raise Refused(f"{machine.name} is another machine: a backup looks at its tree, and its log lists what changed.")
    layout = Layout(Path(machine.root))
    active = engine.trusted(layout)
    tree = resident.place(layout, active.name)
    now = {path: packages.installed(tree / path) for path in active.packages}
    changed = differences.between(Listed(active.packages), Listed(now))
    found = engine.find(layout, active)
    told = tuple(item._replace(path=storable(item.path)) for item in found.differences)
    found = replace(found, differences=told)
    return Found(active.name, found, changed, [_user(uid) for uid in found.owners])


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
