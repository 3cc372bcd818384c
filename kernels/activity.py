"""Edits of the kernelspec library, listed under activity."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from kernels.models import LibraryEdit
from stacks.activity import Entry, Source
from stacks.marks import COMMAND_LINE


def _edits() -> QuerySet[Any]:
    return LibraryEdit.objects.select_related("machine", "edited_by").defer("before", "after")


def _edit(row: LibraryEdit) -> Entry:
    who, address = str(row.edited_by or COMMAND_LINE), reverse("kernels:library", args=[row.machine.name])
    what = f"Kernelspec “{row.kernel}” {row.action} in the library"
    return Entry(row.edited_at, row.machine.name, who, "library", what, address=address)


EDITS = Source("library-edit", _edits, _edit, ("library",), at="edited_at", who="edited_by", text=("kernel", "action"))
