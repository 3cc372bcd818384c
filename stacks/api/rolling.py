"""What the API tells of many machines, and takes for them: copies, rollouts, and how machines compare."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from access.roles import LOOK, OPERATE
from stacks import comparison, documents, operations, rollouts
from stacks.api.changing import Document, refuse_in_place, switching
from stacks.api.schemas import Copy, Latest, RollBack, RollOut
from stacks.api.tokens import ApiRequest, demand
from stacks.models import Machine, Rollout

router = Router()


@router.get("/compare", summary="Where machines disagree")
def compare(request: ApiRequest) -> Document:
    """Give the document of `dlstack compare --json`."""
    demand(request, LOOK)
    return comparison.document(comparison.compare())


@router.post("/copies", response={202: list[Document]}, summary="Have machines fetch a version")
def copy(request: ApiRequest, asked: Copy) -> Status[list[Document]]:
    """Submit a copy for each machine, all or none."""
    demand(request, OPERATE)
    machines = [get_object_or_404(Machine, name=name) for name in dict.fromkeys(asked.to)]
    source = get_object_or_404(Machine, name=asked.source) if asked.source else None
    made = operations.copy(
        machines=machines, version=operations.version_named(asked.version, source, machines), source=source,
        limit=asked.limit, requested_by=request.auth.user, reason=asked.reason,
    )  # fmt: skip
    return Status(202, [documents.of_operation(operation) for operation in made])


@router.get("/rollouts", summary="The latest rollouts")
def latest(request: ApiRequest, asked: Query[Latest]) -> list[Document]:
    """List rollouts with their machines, the newest first."""
    demand(request, LOOK)
    return [rollouts.document(rollout) for rollout in Rollout.objects.select_related("requested_by")[: asked.limit]]


@router.get("/rollouts/{int:number}", summary="One rollout")
def rollout(request: ApiRequest, number: int) -> Document:
    """Give how a rollout stands, machine by machine."""
    demand(request, LOOK)
    return rollouts.document(_numbered(number))


@router.post("/rollouts/deploy", response={202: Document}, summary="Deploy a version on many machines")
def roll_out(request: ApiRequest, asked: RollOut) -> Status[Document]:
    """Begin a rollout: the canaries at once, the others when their turn comes."""
    made = rollouts.deploy(
        machines=_machines(request, asked.to), version=asked.version, on_failure=asked.on_failure,
        pace=rollouts.Pace(asked.canary, asked.batch, asked.pause), any_build=asked.any_build, **_by(request, asked),
    )  # fmt: skip
    return Status(202, rollouts.document(made))


@router.post("/rollouts/revert", response={202: Document}, summary="Put many machines back")
def roll_back(request: ApiRequest, asked: RollBack) -> Status[Document]:
    """Begin a revert of each machine to its own last healthy version."""
    made = rollouts.revert(
        machines=_machines(request, asked.to), pace=rollouts.Pace(asked.canary, asked.batch, asked.pause),
        mark_bad=asked.mark_bad, **_by(request, asked),
    )  # fmt: skip
    return Status(202, rollouts.document(made))


@router.post("/rollouts/{int:number}/resume", response={202: Document}, summary="Go on with a stopped rollout")
def resume(request: ApiRequest, number: int) -> Status[Document]:
    """Try again where it failed, and go on."""
    demand(request, OPERATE)
    found = _numbered(number)
    for target in found.targets.select_related("machine"):
        refuse_in_place(target.machine)
    return Status(202, rollouts.document(rollouts.resume(rollout=found, by=request.auth.user)))


@router.post("/rollouts/{int:number}/cancel", response={202: Document}, summary="End a rollout")
def end(request: ApiRequest, number: int) -> Status[Document]:
    """Begin no further machine, and ask those at work to end and undo."""
    demand(request, OPERATE)
    return Status(202, rollouts.document(rollouts.cancel(rollout=_numbered(number), by=request.auth.user)))


def _machines(request: ApiRequest, to: dict[str, str]) -> list[Machine]:
    return [switching(request, name, seen) for name, seen in to.items()]


def _by(request: ApiRequest, asked: RollOut | RollBack) -> dict[str, Any]:
    return {"requested_by": request.auth.user, "reason": asked.reason}


def _numbered(number: int) -> Rollout:
    return get_object_or_404(Rollout.objects.select_related("requested_by"), pk=number)
