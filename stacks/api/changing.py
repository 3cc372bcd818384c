"""What the API takes orders for: the three verbs, and their end."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Status

from access.roles import OPERATE
from stacks import documents, operations, stale
from stacks.api.schemas import Build, Deploy, Revert, Switch
from stacks.api.tokens import ApiRequest, demand
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation

router = Router()
Document = dict[str, Any]


@router.post("/machines/{str:name}/build", response={202: Document}, summary="Build a version")
def build(request: ApiRequest, name: str, asked: Build) -> Status[Document]:
    """Submit a build of a recipe's latest revision."""
    demand(request, OPERATE)
    made = operations.build(
        machine=get_object_or_404(Machine, name=name), recipe_name=asked.recipe, name=asked.name, options=asked.options,
        requested_by=request.auth.user, reason=asked.reason,
    )  # fmt: skip
    return Status(202, documents.of_operation(made))


@router.post("/machines/{str:name}/deploy", response={202: Document}, summary="Make a version active")
def deploy(request: ApiRequest, name: str, asked: Deploy) -> Status[Document]:
    """Submit a deploy."""
    machine = switching(request, name, asked.seen)
    made = operations.deploy(
        machine=machine, version=asked.version, choices=_choices(asked), requested_by=request.auth.user,
        reason=asked.reason,
    )  # fmt: skip
    return Status(202, documents.of_operation(made))


@router.post("/machines/{str:name}/revert", response={202: Document}, summary="Put an earlier version back")
def revert(request: ApiRequest, name: str, asked: Revert) -> Status[Document]:
    """Submit a revert."""
    machine = switching(request, name, asked.seen)
    made = operations.revert(
        machine=machine, version=asked.version, choices=_choices(asked), requested_by=request.auth.user,
        reason=asked.reason,
    )  # fmt: skip
    return Status(202, documents.of_operation(made))


@router.post("/operations/{int:number}/cancel", response={202: Document}, summary="End an operation")
def cancel(request: ApiRequest, number: int) -> Status[Document]:
    """Ask a queued or running operation to end; what it began is undone."""
    demand(request, OPERATE)
    found = get_object_or_404(Operation.objects.select_related("machine", "requested_by"), pk=number)
    return Status(202, documents.of_operation(operations.request_cancel(operation=found, by=request.auth.user)))


def switching(request: ApiRequest, name: str, seen: str) -> Machine:
    """Give a machine on which another version is to become active; raises Refused unless what was seen still is."""
    demand(request, OPERATE)
    machine = get_object_or_404(Machine, name=name)
    refuse_in_place(machine)
    stale.refuse_if_changed(machine, seen)
    return machine


def refuse_in_place(machine: Machine) -> None:
    """Raise Refused where a switch is a person's to ask for."""
    if machine.layout == Machine.Layout.IN_PLACE:
        raise Refused(
            f"{machine} has layout in-place, where a switch tears what users run from: a person asks for it on its "
            "page, or at its command line."
        )


def _choices(asked: Switch) -> operations.Choices:
    return operations.Choices(externals=asked.externals, override_health=asked.override_health, pause=asked.pause)
