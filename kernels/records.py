"""Writing what is on record of kernels: what operations found, and who edited the library."""

from __future__ import annotations

import contextlib
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from access import audit
from access.models import AuditEntry
from kernels import requests
from kernels.models import Inventory, KernelCheck, LibraryEdit
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation
from stacks.storable import storable

# A deploy has started its kernels itself, before the link moved.
CHECKED_AFTER = ("revert", "restore")


def record(*, operation: Operation, outcome: dict[str, Any]) -> None:
    """Record what a successful operation found of kernels; after a revert or restore ask for a check."""
    with transaction.atomic():
        record_checks(operation=operation, outcome=outcome)
        record_inventory(operation=operation, outcome=outcome)
    if operation.kind in CHECKED_AFTER:
        with contextlib.suppress(Refused):  # a build is running: the next check on schedule will do
            requests.check(machine=operation.machine, requested_by=operation.requested_by, parent=operation)


def record_checks(*, operation: Operation, outcome: dict[str, Any]) -> list[KernelCheck]:
    """Keep the verdicts on the kernels that an operation checked."""
    now, version = timezone.now(), str(outcome.get("checked_version") or outcome.get("version") or "")
    return KernelCheck.objects.bulk_create(
        KernelCheck(
            machine=operation.machine,
            operation=operation,
            version=version,
            live=bool(outcome.get("live")),
            name=verdict["name"],
            environment=verdict["environment"],
            depth=verdict["depth"],
            state=verdict["state"],
            code=verdict["code"],
            reason=storable(verdict["reason"]),
            output=storable(verdict["output"]),
            seconds=verdict["seconds"],
            checked_at=now,
        )
        for verdict in outcome.get("kernels", ())
        if "depth" in verdict
    )


def record_inventory(*, operation: Operation, outcome: dict[str, Any]) -> None:
    """Keep the latest inventory of the tree that an operation looked at."""
    if "inventory" not in outcome:
        return
    # The library is the machine's: the latest look at it is enough.
    Inventory.objects.filter(machine=operation.machine).update(library=[])
    Inventory.objects.update_or_create(
        machine=operation.machine,
        version=outcome["checked_version"],
        live=outcome["live"],
        defaults={
            "kernels": storable(outcome["inventory"]),
            "library": storable(outcome.get("library", [])),
            "taken_at": timezone.now(),
        },
    )


def record_edit(*, machine: Machine, kernel: str, by: User | None, before: str, after: str) -> LibraryEdit:
    """Keep who added, changed or removed a kernelspec of the library; "" is none."""
    action = LibraryEdit.Action.CHANGED
    if not after:
        action = LibraryEdit.Action.REMOVED
    elif not before:
        action = LibraryEdit.Action.ADDED
    texts = {"before": storable(before), "after": storable(after)}
    edit = LibraryEdit.objects.create(machine=machine, kernel=kernel, action=action, edited_by=by, **texts)
    what = f"Kernelspec “{kernel}” was {action} in the library of {machine}."
    audit.record(AuditEntry.Kind.LIBRARY, what, by=by, machine=machine.name, old=before, new=after)
    return edit
