"""The kernelspec library of a machine: the files on its disk, which are the truth, and the history of their edits."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from kernels import records
from kernels.models import LibraryEdit
from stacks.engine.errors import Refused
from stacks.engine.kernels import library as disk
from stacks.engine.kernels.library import Entry
from stacks.engine.layout import Layout
from stacks.models import Machine, Version
from stacks.observation import is_here


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit with its diff: lines with the sign that each begins with."""

    row: LibraryEdit
    lines: list[tuple[str, str]]


def place(machine: Machine) -> Path:
    """Give the directory of a machine's library; raises Refused when that is on another machine."""
    if not is_here(machine):
        raise Refused(f"The library of {machine.name} is on its own disk: edit it there, or on its own console.")
    return Layout(Path(machine.root)).kernel_specs


def entries(machine: Machine) -> list[Entry]:
    """List the library as it is on disk."""
    return disk.entries(place(machine))


def find(machine: Machine, name: str) -> Entry | None:
    """Give one kernelspec of the library, None when there is none."""
    return disk.entry(place(machine), name)


def save(*, machine: Machine, name: str, text: str, expected: str, by: User | None) -> Entry:
    """Write a kernelspec and keep who did; `expected` is the digest that the edit was made from, "" for a new one.

    Raises Refused, with nothing changed, for bad content, and when it was changed meanwhile.
    """
    library = place(machine)
    before = disk.entry(library, name)
    with transaction.atomic():
        if before is None or before.text != text:
            records.record_edit(machine=machine, kernel=name, by=by, before=before.text if before else "", after=text)
        return disk.write(library, name, text, expected=expected)


def remove(*, machine: Machine, name: str, expected: str, by: User | None) -> None:
    """Take a kernelspec out of the library and keep who did; raises Refused as `save` does."""
    library = place(machine)
    before = disk.entry(library, name)
    with transaction.atomic():
        records.record_edit(machine=machine, kernel=name, by=by, before=before.text if before else "", after="")
        disk.remove(library, name, expected=expected)


def history(machine: Machine, name: str) -> list[Edit]:
    """Give the latest edits of a kernelspec with their diffs, the newest first."""
    rows = LibraryEdit.objects.filter(machine=machine, kernel=name).select_related("edited_by")[:50]
    return [Edit(row, diff(row.before, row.after)) for row in rows]


def diff(before: str, after: str) -> list[tuple[str, str]]:
    """Compare two texts: each line with “+”, “-” or “ ” before it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [(line[:1], line[1:]) for line in lines if not line.startswith(("---", "+++", "@@"))]


def uses(machine: Machine, name: str) -> list[Version]:
    """List the versions of a machine that hold a kernelspec of this name, the newest first."""
    rows = machine.versions.filter(removed_at=None)
    return [row for row in rows if any(spec.get("name") == name for spec in row.kernelspecs)]
