"""One version: what is in it, and how it differs from another."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from stacks import filediff
from stacks.differences import between
from stacks.engine.errors import EngineError
from stacks.http import Request, viewing
from stacks.models import Machine, Version
from stacks.views.shown import one_machine

SHOWN = 500


@viewing
def version(request: Request, name: str, version: str) -> HttpResponse:
    """Show a version, compared with `?against=` or with the active one."""
    shown = one_machine(get_object_or_404(Machine, name=name))
    row = get_object_or_404(
        Version.objects.select_related("recipe_revision__recipe", "operation", "bad_by"),
        machine=shown.machine, name=version, removed_at=None,
    )  # fmt: skip
    others = [item for item in shown.versions.values() if item.pk != row.pk]
    other = shown.versions.get(request.GET.get("against") or shown.active)
    context = {
        "shown": shown,
        "version": row,
        "tree": next(tree for tree in shown.trees if tree.name == row.name),
        "others": others,
        "other": other if other in others else None,
        "differences": between(other, row) if other in others else None,
        **_files(shown.machine, other if other in others else None, row, asked="files" in request.GET),
        "activations": row.activations.select_related("activated_by")[:20],
    }
    return render(request, "stacks/version.html", context)


def _files(machine: Machine, other: Version | None, row: Version, *, asked: bool) -> dict[str, Any]:
    if other is None or not asked:
        return {}
    try:
        found = filediff.between(machine, other.name, row.name)
    except (EngineError, OSError) as error:
        return {"files_refused": str(error)}
    kinds = Counter(item.kind for item in found)
    return {"files": found[:SHOWN], "files_count": len(found), "files_kinds": dict(kinds)}
