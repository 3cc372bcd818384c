"""Machines, versions and operations as JSON types: what `--json` prints and the API answers."""

from __future__ import annotations

from typing import Any

from stacks.models import Machine, Operation, Version
from stacks.observation import observe

UNKNOWN: dict[str, Any] = {
    "active": None,
    "backing": None,
    "resident": [],
    "versions": [],
    "ramdisk": {"is_tmpfs": False, "bytes_total": 0, "bytes_used": 0},
    "problems": [
        {"code": "not-observed", "message": "No worker has looked at this machine yet.", "action": "Start it."}
    ],
}


def of_machine(machine: Machine) -> dict[str, Any]:
    """Give a machine's status document."""
    known = {"machine": machine.name, "root": machine.root, "layout": machine.layout}
    return {**known, **UNKNOWN, **observe(machine), "machine": machine.name}


def of_version(version: Version, active: str | None) -> dict[str, Any]:
    """Give a version on record; `active` names the one that is."""
    return {
        "name": version.name,
        "uuid": str(version.uuid),
        "generation": version.generation,
        "recipe": str(version.recipe_revision or ""),
        "options": version.options,
        "files": version.files,
        "bytes": version.bytes,
        "unique_bytes": version.unique_bytes,
        "packages": version.packages,
        "kernelspecs": version.kernelspecs,
        "sealed_at": version.sealed_at,
        "active": version.name == active,
        "bad": version.bad_reason or None,
    }


def of_operation(operation: Operation) -> dict[str, Any]:
    """Give an operation as JSON types; times are ISO 8601."""
    return {
        "id": operation.pk,
        "machine": operation.machine.name,
        "kind": operation.kind,
        "state": operation.state,
        "version": operation.parameters.get("version"),
        "message": operation.message,
        "reason": operation.reason,
        "requested_by": str(operation.requested_by) if operation.requested_by else None,
        "created_at": operation.created_at,
        "started_at": operation.started_at,
        "finished_at": operation.finished_at,
        "parent": operation.parent_id,
        "retry_of": operation.retry_of_id,
        "log_lines": operation.log_lines,
        "steps": operation.steps,
        "outcome": operation.outcome,
    }
