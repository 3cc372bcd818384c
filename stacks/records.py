"""Writing what is on record of versions and of what was active: after an operation, and after a look at the disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from access import audit
from access.models import AuditEntry
from stacks import activations, marks
from stacks.models import Activation, Machine, Operation, RecipeRevision, Version

SEEN = "Seen on disk"
Kind = Operation.Kind
Lane = Operation.Lane
# A backup that found nothing changed makes no version, and then changes nothing that is active.
SEALS = frozenset({Kind.BUILD, Kind.COPY, Kind.BACKUP, Kind.KERNEL_INSTALL, Kind.KERNEL_REMOVE})
ACTIVATES = frozenset({Kind.DEPLOY, Kind.REVERT, Kind.RESTORE, Kind.BACKUP, Kind.KERNEL_INSTALL, Kind.KERNEL_REMOVE})


Unsettled = dict[str, tuple[int, str] | None]


def record(operation: Operation, outcome: dict[str, Any]) -> str:
    """Record what a successful operation made: a version that was sealed, a version that became active.

    Gives a sentence on what else was recorded, "" for nothing.
    """
    if operation.kind in SEALS and "manifest_digest" in outcome:
        record_build(operation, outcome)
    if operation.kind in ACTIVATES and "healthy" in outcome:
        record_activation(operation, outcome)
    return _mark_left(operation)


def record_build(operation: Operation, outcome: dict[str, Any]) -> Version:
    """Record the version that a build sealed, and what each version now shares with no other."""
    with transaction.atomic():
        machine = locked(operation.machine)
        asked = operation.parameters
        described = {**outcome, "name": outcome["version"], "manifest": outcome["manifest_digest"]}
        made: dict[str, Any] = {key: asked[key] for key in ("recipe", "revision", "options") if key in asked}
        version = _keep_version(machine, {**described, **made}, operation)
        _keep_shares(machine, outcome.get("unique", {}))
    return version


def record_activation(operation: Operation, outcome: dict[str, Any]) -> Activation:
    """End what was active and record what is now: by whom, why, by which operation, and whether it is healthy.

    A restore brings back what was active before: then nothing has changed.
    """
    with transaction.atomic():
        machine = locked(operation.machine)
        version = Version.objects.get(machine=machine, name=outcome["version"], removed_at__isnull=True)
        now = activations.current(machine)
        if operation.kind == Kind.RESTORE and now is not None and now.version_id == version.pk:
            return now
        return activations.activate(
            machine,
            version,
            reverted=operation.kind == Kind.REVERT,
            operation=operation,
            activated_by=operation.requested_by,
            reason=operation.reason,
            healthy=outcome.get("healthy"),
        )


def _mark_left(operation: Operation) -> str:
    """Mark bad what a revert left, where that was asked for and the version is still there."""
    name = operation.parameters.get("mark_bad")
    left = operation.machine.versions.filter(name=name, removed_at=None).first() if name else None
    if operation.kind != Kind.REVERT or left is None or name == operation.parameters["version"]:
        return ""
    marks.mark_bad(version=left, by=operation.requested_by, reason=operation.reason)
    return f"“{name}” is marked bad."


def unsettled(machine: Machine) -> Unsettled:
    """Give, for each lane, its latest operation and that one's state.

    `adopt_versions` and `adopt_active` compare them as `before`, taken before the look at the disk: a lane where
    something ran meanwhile is left to the operation's own record.
    """
    return {lane: _latest(machine, lane) for lane in Lane.values}


def adopt_versions(machine: Machine, seen: dict[str, Any], *, before: Unsettled) -> None:
    """Bring the record of versions in step with a status document: those that are there, and those that are gone."""
    if not _is_settled(machine, Lane.BUILD, before):
        return
    sealed = [version for version in seen.get("versions", []) if version.get("sealed")]
    here = {version["uuid"] for version in sealed}
    rows = {str(row.uuid): row for row in machine.versions.all()}
    gone = [row.pk for uuid, row in rows.items() if uuid not in here and row.removed_at is None]
    machine.versions.filter(pk__in=gone).update(removed_at=Now())
    for version in sorted(sealed, key=lambda version: int(version["generation"])):
        row = rows.get(version["uuid"])
        if row is None or row.removed_at is not None or row.name != version["name"]:
            _keep_version(machine, {**version, "manifest_digest": version["manifest"]}, None)
    activations.settle(machine)
    _keep_shares(machine, {version["name"]: version["unique_bytes"] for version in sealed})


def adopt_active(machine: Machine, seen: dict[str, Any], *, before: Unsettled) -> None:
    """Bring the record of what is active in step with a status document."""
    now = activations.current(machine)
    active = seen.get("active")
    # A build that leads the live path elsewhere for a while leads it back: that is no change of what is active.
    if (
        seen.get("detour")
        or not _is_settled(machine, Lane.LIVE, before)
        or active == (now.version.name if now else None)
    ):
        return
    version = machine.versions.filter(name=active, removed_at__isnull=True).first()
    if version is not None:
        activations.activate(machine, version, reason=SEEN, healthy=None)
    elif now is not None:
        activations.end(now)
    old, new = now.version.name if now else "", version.name if version else ""
    if old != new:
        what = f"On {machine} “{new}” was found active." if new else f"On {machine} nothing was found active."
        audit.record(AuditEntry.Kind.EVENT, what, machine=machine.name, old=old, new=new)


def _keep_version(machine: Machine, seen: dict[str, Any], operation: Operation | None) -> Version:
    values: dict[str, Any] = {
        "name": seen["name"],
        "generation": _free_generation(machine, seen),
        "recipe_revision": _revision(seen),
        "files": seen["files"],
        "bytes": seen["bytes"],
        "unique_bytes": min(seen["unique_bytes"], seen["bytes"]),
        "manifest_digest": seen["manifest_digest"],
        "packages": seen.get("packages", {}),
        "kernelspecs": seen.get("kernelspecs", []),
        "options": seen.get("options", []),
        "lockfile": _text(seen.get("lockfile", "")),
        "sealed_at": datetime.fromtimestamp(seen["sealed_at"], UTC),
        "removed_at": None,
    }
    if operation is not None:
        values["operation"] = operation
    # Whoever had this name on record is not on disk any more: the disk has room for one of a name.
    machine.versions.filter(name=seen["name"], removed_at__isnull=True).exclude(uuid=seen["uuid"]).update(
        removed_at=Now()
    )
    version, _ = Version.objects.update_or_create(machine=machine, uuid=seen["uuid"], defaults=values)
    return version


def _free_generation(machine: Machine, seen: dict[str, Any]) -> int:
    """Give the generation that the disk names, or the machine's next where another version has it on record."""
    generation = int(seen["generation"])
    if machine.versions.filter(generation=generation).exclude(uuid=seen["uuid"]).exists():
        generation = 1 + max(machine.generation, machine.versions.aggregate(last=Max("generation"))["last"])
    if generation > machine.generation:
        machine.generation = generation
        machine.save(update_fields=["generation"])
    return generation


def _keep_shares(machine: Machine, unique: dict[str, int]) -> None:
    for version in machine.versions.filter(name__in=unique, removed_at__isnull=True):
        if version.unique_bytes != unique[version.name]:
            version.unique_bytes = unique[version.name]
            version.save(update_fields=["unique_bytes"])


def _revision(seen: dict[str, Any]) -> RecipeRevision | None:
    if not seen.get("recipe"):
        return None
    return RecipeRevision.objects.filter(recipe__name=seen["recipe"], number=seen.get("revision") or 0).first()


def _text(lockfile: str | dict[str, str]) -> str:
    return lockfile if isinstance(lockfile, str) else json.dumps(lockfile, indent=1)


def locked(machine: Machine) -> Machine:
    """Fetch a machine for changing its record, one writer at a time; call it in a transaction."""
    return Machine.objects.select_for_update(no_key=True).get(pk=machine.pk)


def _latest(machine: Machine, lane: str) -> tuple[int, str] | None:
    # What was imported from the journal has ended long since.
    own = Operation.objects.filter(machine=machine, lane=lane, journal_id__isnull=True)
    return own.order_by("-pk").values_list("pk", "state").first()


def _is_settled(machine: Machine, lane: str, before: Unsettled) -> bool:
    now = _latest(machine, lane)
    return now == before[lane] and (now is None or now[1] != Operation.State.RUNNING)
