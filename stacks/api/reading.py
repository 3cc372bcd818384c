"""What the API tells."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Query, Router

from access.roles import LOOK
from stacks import documents, logs, stale
from stacks.api.schemas import LogRange, Narrowed
from stacks.api.tokens import ApiRequest, demand
from stacks.models import Machine, Operation

router = Router()


@router.get("/machines", summary="The names of the machines")
def machines(request: ApiRequest) -> list[str]:
    """List the machines."""
    demand(request, LOOK)
    return list(Machine.objects.values_list("name", flat=True))


@router.get("/machines/{str:name}/status", summary="What is true on a machine's disk")
def status(request: ApiRequest, name: str) -> dict[str, Any]:
    """Give the document of `dlstack status --json`."""
    demand(request, LOOK)
    return documents.of_machine(get_object_or_404(Machine, name=name))


@router.get("/machines/{str:name}/versions", summary="The sealed versions of a machine")
def versions(request: ApiRequest, name: str) -> list[dict[str, Any]]:
    """Give the document of `dlstack versions --json`."""
    demand(request, LOOK)
    machine = get_object_or_404(Machine, name=name)
    active = stale.active_now(machine)
    rows = machine.versions.filter(removed_at__isnull=True).select_related("recipe_revision__recipe")
    return [documents.of_version(version, active) for version in rows]


@router.get("/operations", summary="The latest operations")
def operations(request: ApiRequest, narrowed: Query[Narrowed]) -> list[dict[str, Any]]:
    """List operations, the newest first."""
    demand(request, LOOK)
    found = Operation.objects.select_related("machine", "requested_by")
    for field, lookup in (("machine", "machine__name"), ("kind", "kind"), ("state", "state"), ("before", "pk__lt")):
        if value := getattr(narrowed, field):
            found = found.filter(**{lookup: value})
    return [documents.of_operation(operation) for operation in found[: narrowed.limit]]


@router.get("/operations/{int:number}", summary="One operation")
def operation(request: ApiRequest, number: int) -> dict[str, Any]:
    """Give an operation with its steps and its outcome."""
    demand(request, LOOK)
    return documents.of_operation(_numbered(number))


@router.get("/operations/{int:number}/log", summary="Lines of an operation's log")
def log(request: ApiRequest, number: int, asked: Query[LogRange]) -> dict[str, Any]:
    """Give lines from `first` on, and how many there are so far."""
    demand(request, LOOK)
    found = _numbered(number)
    lines = logs.read_lines(found, asked.first, asked.first + asked.count - 1)
    return {"state": found.state, "last": logs.last_line(found), "lines": [asdict(line) for line in lines]}


def _numbered(number: int) -> Operation:
    return get_object_or_404(Operation.objects.select_related("machine", "requested_by"), pk=number)
