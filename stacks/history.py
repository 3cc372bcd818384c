"""Bringing what the emergency command did into the history: it writes the machine's journal alone (design §9)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from access import audit
from access.models import AuditEntry
from stacks import activations
from stacks.engine import journal
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation, Version
from stacks.plans import LANES
from stacks.storable import storable

Entry = dict[str, Any]
State = Operation.State
COMMAND = "engine:"  # how the operations of the emergency command begin in the journal


def import_journal(machine: Machine) -> list[Operation]:
    """Add the operations that only the machine's journal knows, oldest first, with what they made active.

    The machine must be this one. What was imported before is passed over.
    """
    found = _by_operation(journal.history(Layout(Path(machine.root))))
    known = set(Operation.objects.filter(journal_id__in=found).values_list("journal_id", flat=True))
    new = {number: storable(entries) for number, entries in found.items() if number not in known}
    return [_add(machine, number, entries) for number, entries in new.items()]


def _by_operation(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Gather what the journal says of each operation of the command: its plan's entries, then the command's own."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        name = str(entry.get("operation", ""))
        if name.startswith(COMMAND) and entry.get("kind") in LANES:
            found.setdefault(name, []).append(entry)
    return found


def _add(machine: Machine, journal_id: str, entries: list[Entry]) -> Operation:
    last: Entry = {key: value for entry in entries for key, value in entry.items()}
    began, ended = _time(entries[0].get("at")), _time(last.get("ended"))
    state = _state(str(last.get("outcome")))
    with transaction.atomic():
        operation = Operation.objects.create(
            machine=machine,
            kind=last["kind"],
            lane=LANES[last["kind"]],
            state=state,
            parameters={"version": last["version"]} if last.get("version") else {},
            outcome={"by": last.get("by", "")},
            message=_message(last, state),
            reason=str(last.get("reason", ""))[:500],
            started_at=began,
            heartbeat_at=began,
            finished_at=max(began, ended),
            journal_id=journal_id,
        )
        Operation.objects.filter(pk=operation.pk).update(created_at=began)
        for change in filter(journal.made_active, entries):
            _activate(machine, operation, change)
        what = f"{operation.kind} on {machine} {state}. {operation.message}"
        audit.record(AuditEntry.Kind.OPERATION, what, machine=machine.name, operation=operation.pk)
    return operation


def _activate(machine: Machine, operation: Operation, change: Entry) -> None:
    version = Version.objects.filter(machine=machine, name=change["version"], removed_at__isnull=True).first()
    now = activations.current(machine)
    if version is None or (now is not None and now.version_id == version.pk):
        return
    activations.activate(
        machine,
        version,
        reverted=change["kind"] == Operation.Kind.REVERT,
        at=_time(change.get("ended")),
        operation=operation,
        reason=operation.reason,
        healthy=bool(change.get("healthy", True)),
    )


def _state(outcome: str) -> str:
    if outcome == "succeeded":
        return State.SUCCEEDED
    return State.INTERRUPTED if outcome.startswith("recovered") else State.FAILED


def _message(entry: Entry, state: str) -> str:
    by = f" by {entry['by']}" if entry.get("by") else ""
    said = str(entry.get("message") or "") or (str(entry.get("outcome")) if state != State.SUCCEEDED else "")
    return f"Done with the emergency command{by}{f': {said}' if said else '.'}"


def _time(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds or 0)), UTC)
