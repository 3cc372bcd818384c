"""What is seen on a machine's disk, and keeping the record in step with it (invariant 1)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from stacks import glance, history, home_room, records
from stacks.engine import status
from stacks.engine.layout import Layout
from stacks.models import Machine

CONTENTS = ("packages", "kernelspecs", "lockfile")


def is_here(machine: Machine) -> bool:
    """Tell whether this process runs on the machine, so that it can look at its disk."""
    return bool(machine.name == settings.DLSTACK.machine)


def observe(machine: Machine) -> dict[str, Any]:
    """Give the machine's status document: read from the disk when that is here, else as its worker saw it last.

    What takes too long to find out is under `glance`, from the last look (`stacks.glance`).
    """
    if not is_here(machine):
        return machine.observed
    seen = status.read(Layout(Path(machine.root)), settings.DLSTACK.terms)
    seen["problems"] += [asdict(problem) for problem in home_room.problems(settings.DLSTACK.home)]
    return {**seen, "glance": machine.observed.get("glance", {})}


def outline(machine: Machine) -> dict[str, Any]:
    """Give the part of the status document that a switch asks for; in an incident there is no time for all of it."""
    return status.outline(Layout(Path(machine.root))) if is_here(machine) else machine.observed


def refresh(machine: Machine) -> dict[str, Any]:
    """Read the disk, save what was seen and bring the record in step; give the status document.

    On another machine than this one nothing is read or written.
    """
    if not is_here(machine):
        return machine.observed
    before = records.unsettled(machine)
    seen = {**observe(machine), "glance": glance.sample(machine)}
    with transaction.atomic():
        kept = _without_contents(seen)
        Machine.objects.filter(pk=machine.pk).update(observed=kept, observed_at=Now(), layout=seen["layout"])
        # Without DLStack's own directory the disk is not mounted, or new: that says nothing about versions.
        if Layout(Path(machine.root)).state.is_dir():
            _adopt(records.locked(machine), seen, before)
    machine.refresh_from_db()
    return seen


def _without_contents(seen: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the rows of the versions hold anyway: lists of a megabyte, read with every page of the machine."""
    listed = [{key: value for key, value in one.items() if key not in CONTENTS} for one in seen["versions"]]
    return {**seen, "versions": listed}


def _adopt(machine: Machine, seen: dict[str, Any], before: records.Unsettled) -> None:
    # What the emergency command made active must find its version on record, and comes before what is active now.
    records.adopt_versions(machine, seen, before=before)
    history.import_journal(machine)
    records.adopt_active(machine, seen, before=before)
