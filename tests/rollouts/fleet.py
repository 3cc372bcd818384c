"""Machines elsewhere that have versions a and b, of which a is active, and their operations as workers end them."""

from __future__ import annotations

from typing import Any

from stacks import activations, operations, rollouts
from stacks.models import Machine, Operation, Rollout
from stacks.operations import lifecycle
from stacks.operations.attempts import Conclusion
from stacks.rollouts import Pace
from tests.kernels.conftest import add_version


def add_machine(name: str, versions: str = "ab", active: str = "a", **fields: Any) -> Machine:
    """Add a machine as its worker saw it last."""
    machine = Machine.objects.create(name=name, root="/data0", **fields)
    for version in versions:
        add_version(machine, version, [], active=version == active)
    listed = [{"name": version, "sealed": True, "bytes": 1, "unique_bytes": 1} for version in versions]
    machine.observed = {"active": active, "backing": active, "resident": [active], "versions": listed}
    machine.save()
    return machine


def end(operation: Operation | None, state: str = "succeeded", message: str = "As asked.") -> None:
    """End a queued operation as its worker does."""
    assert operation is not None
    version = operation.parameters["version"]
    assert lifecycle.claim(operation_id=operation.pk)
    outcome = {"version": version, "healthy": True} if state == "succeeded" else {}
    assert operations.conclude(
        operation_id=operation.pk, conclusion=Conclusion(state, message, outcome=outcome), log_lines=0
    )
    if state == "succeeded":
        seen = {"active": version, "backing": version, "resident": [version]}
        Machine.objects.filter(pk=operation.machine_id).update(observed={**operation.machine.observed, **seen})


def states(rollout: Rollout) -> str:
    """Give the state of a rollout, then those of its machines in their order."""
    rollout.refresh_from_db()
    return " ".join([rollout.state, *rollout.targets.order_by("order").values_list("state", flat=True)])


def queued() -> list[tuple[str, str, str]]:
    """Give machine, kind and version of what waits to be begun."""
    waiting = Operation.objects.filter(state="queued", lane="live").order_by("pk").select_related("machine")
    return [(one.machine.name, one.kind, one.parameters["version"]) for one in waiting]


def of(name: str) -> Operation:
    """Give the operation that waits on a machine."""
    return Operation.objects.select_related("machine").get(machine__name=name, state="queued", lane="live")


def active(machine: Machine) -> str:
    """Name what is active on record."""
    current = activations.current(machine)
    return current.version.name if current else ""


def deploy(machines: list[Machine], *, canary: int = 1, batch: int = 0, pause: int = 0, **more: Any) -> Rollout:
    """Ask for b on machines: one first, then the rest."""
    asked = {"version": "b", "requested_by": None, "reason": "for all", **more}
    return rollouts.deploy(machines=machines, pace=Pace(canary, batch, pause), **asked)


def revert(machines: list[Machine], **more: Any) -> Rollout:
    """Ask for machines to go back at once."""
    return rollouts.revert(machines=machines, pace=Pace(), requested_by=None, reason="it hangs", **more)
