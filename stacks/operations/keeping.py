"""What keeps versions, copies and roots in order, as an operator asks for it: checked early, then submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from stacks import activations, observation
from stacks.models import Machine, Operation
from stacks.operations.copying import chosen, given_now
from stacks.operations.requests import preview
from stacks.operations.submission import refuse_if_busy, submit
from stacks.plans import LANES

Kind = Operation.Kind


def ask(
    *, machine: Machine, kind: str, parameters: Mapping[str, Any], requested_by: User | None, reason: str = ""
) -> Operation:
    """Submit an operation after a look at what would stop it; raises Refused when the lane is busy or the plan refuses.

    Of another machine than this one only its worker can tell; then the operation itself ends as refused.
    """
    refuse_if_busy(machine, LANES[kind])
    if observation.is_here(machine):
        preview(machine=machine, kind=kind, parameters=dict(parameters))
    return submit(machine=machine, kind=kind, parameters=dict(parameters), requested_by=requested_by, reason=reason)


def backup(*, machine: Machine, full: bool = False, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to keep what users changed in the active tree; `full` compares content too."""
    parameters = {"full": True} if full else {}
    return ask(machine=machine, kind=Kind.BACKUP, parameters=parameters, requested_by=requested_by, reason=reason)


def discard(*, machine: Machine, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to bring the active tree back to what was sealed."""
    return ask(machine=machine, kind=Kind.DISCARD, parameters={}, requested_by=requested_by, reason=reason)


def restore(*, machine: Machine, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to fill the ramdisk again with what the backing link names."""
    return ask(machine=machine, kind=Kind.RESTORE, parameters={}, requested_by=requested_by, reason=reason)


def verify(
    *, machine: Machine, version: str, full: bool = False, requested_by: User | None, reason: str = ""
) -> Operation:
    """Ask to compare a version's copies with its manifest; `full` reads every file."""
    parameters = {"version": version, "full": full}
    return ask(machine=machine, kind=Kind.VERIFY, parameters=parameters, requested_by=requested_by, reason=reason)


def remove(*, machine: Machine, version: str, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to delete a version from disk and ramdisk."""
    parameters = {"version": version, **keep(machine)}
    return ask(machine=machine, kind=Kind.REMOVE, parameters=parameters, requested_by=requested_by, reason=reason)


def prune(*, machine: Machine, keep_newest: int, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to delete all versions but the newest `keep_newest`, the pinned and the protected."""
    parameters = {"keep": keep_newest, **keep(machine)}
    return ask(machine=machine, kind=Kind.PRUNE, parameters=parameters, requested_by=requested_by, reason=reason)


def keep(machine: Machine) -> dict[str, Any]:
    """Name what the record says must stay: the pinned, the bad, what a revert would put back, and what is given now."""
    target = activations.revert_target(machine)
    wanted = Q(pinned=True) | Q(bad_since__isnull=False)
    pinned = machine.versions.filter(wanted, removed_at__isnull=True).values_list("name", flat=True)
    given = given_now(machine)
    stays = {"pinned": list(pinned), "reverts_to": target.name if target else ""}
    return {**stays, "given": given} if given else stays


def known_now(operation: Operation) -> dict[str, Any]:
    """Give what an operation is told when it begins: which versions must stay by now, or where a copy comes from."""
    if operation.kind in (Kind.REMOVE, Kind.PRUNE):
        return {"given": [], **keep(operation.machine)}
    return chosen(operation)


def adopt(*, machine: Machine, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to take over what was made by hand."""
    return ask(machine=machine, kind=Kind.ADOPT, parameters={}, requested_by=requested_by, reason=reason)


def convert(*, machine: Machine, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to turn layout in-place into layout resident."""
    return ask(machine=machine, kind=Kind.CONVERT, parameters={}, requested_by=requested_by, reason=reason)


def configure(
    *, machine: Machine, services: list[dict[str, Any]], requested_by: User | None, reason: str = ""
) -> Operation:
    """Ask to write down which services are stopped while production changes."""
    parameters = {"services": services}
    return ask(machine=machine, kind=Kind.CONFIGURE, parameters=parameters, requested_by=requested_by, reason=reason)


def provision(
    *, machine: Machine, parameters: Mapping[str, Any], requested_by: User | None, reason: str = ""
) -> Operation:
    """Ask to make what a root needs before its first build."""
    return ask(machine=machine, kind=Kind.PROVISION, parameters=parameters, requested_by=requested_by, reason=reason)
