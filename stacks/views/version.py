"""One version: what is in it, where else it is, and how it differs from another."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from stacks import filediff
from stacks.differences import between
from stacks.engine import packages
from stacks.engine.errors import EngineError
from stacks.http import Request, viewing
from stacks.models import Activation, Machine, Version
from stacks.views.shown import machines_shown, one_machine

SHOWN = 500  # files
PLACES = 50  # machines


@viewing
def version(request: Request, name: str, version: str) -> HttpResponse:
    """Show a version, compared with `?against=` or with the active one; `?q=` narrows its packages."""
    row = get_object_or_404(
        Version.objects.select_related("machine", "recipe_revision__recipe", "operation", "bad_by"),
        machine__name=name, name=version, removed_at=None,
    )  # fmt: skip
    found = _packages(row, request.GET.get("q", ""))
    if request.htmx.target == "packages":
        return render(request, "stacks/_packages.html", {"version": row, **found})
    shown = one_machine(machines_shown().get(pk=row.machine_id))
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
        **found,
        "places": _places(row),
        "activations": row.activations.select_related("activated_by")[:20],
    }
    return render(request, "stacks/version.html", context)


def _packages(row: Version, asked: str) -> dict[str, Any]:
    """Give the packages of each environment whose name or version has what was asked for."""
    asked = asked.strip()
    wanted = packages.normal(asked)
    kept = {
        environment: {
            name: number for name, number in listed.items() if wanted in packages.normal(name) or asked in number
        }
        for environment, listed in row.packages.items()
    }
    return {"asked": asked, "environments": kept, "hits": sum(map(len, kept.values()))}


def _places(row: Version) -> list[Version]:
    """Find the same version on other machines, by its uuid or as the same tree; `now` tells where it is active."""
    same = Q(uuid=row.uuid) | Q(manifest_digest=row.manifest_digest) if row.manifest_digest else Q(uuid=row.uuid)
    current = Activation.objects.filter(version=OuterRef("pk"), ended_at=None)
    found = Version.objects.filter(same, removed_at=None).exclude(machine=row.machine).annotate(now=Exists(current))
    told = found.select_related("machine").only("name", "manifest_digest", "machine__name")
    return list(told.order_by("machine__name")[:PLACES])


def _files(machine: Machine, other: Version | None, row: Version, *, asked: bool) -> dict[str, Any]:
    if other is None or not asked:
        return {}
    try:
        found = filediff.between(machine, other.name, row.name)
    except (EngineError, OSError) as error:
        return {"files_refused": str(error)}
    kinds = Counter(item.kind for item in found)
    return {"files": found[:SHOWN], "files_count": len(found), "files_kinds": dict(kinds)}
