"""Writing the append-only record of what people did beside operations."""

from __future__ import annotations

from django.contrib.auth.models import User

from access import audit
from access.models import AuditEntry
from stacks.models import Event, Machine


def note(*, machine: Machine, kind: str, text: str, by: User | None) -> Event:
    """Add an event, now; `by` is None for the command line."""
    event = Event.objects.create(machine=machine, kind=kind, text=text, by=by)
    audit.record(AuditEntry.Kind.EVENT, text, by=by, machine=machine.name)
    return event
