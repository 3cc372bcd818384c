"""What this app lists under activity: operations, events, recipe revisions, what was only seen on disk, and of the
audit trail the changes that nothing else tells: of people, tokens, settings, labels,
schedules and freeze windows.
"""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Coalesce
from django.urls import reverse

from access.models import AuditEntry
from stacks import live
from stacks.activations import LARGE
from stacks.activity import Entry, Source
from stacks.marks import COMMAND_LINE
from stacks.models import Activation, Event, Machine, Operation, RecipeRevision

SEEN, RECIPE = "seen", "recipe"
SEEN_OF_IT = "machine__observed"  # by far the most of a machine's row, and read again with each of a hundred entries
_KINDS = AuditEntry.Kind


def _operations() -> QuerySet[Any]:
    return Operation.objects.select_related("machine", "requested_by").defer("steps", "outcome", SEEN_OF_IT)


def _operation(row: Operation) -> Entry:
    outcome = f"{row.state}: {row.message}" if row.message else str(row.state)
    who, address = str(row.requested_by or COMMAND_LINE), reverse("stacks:operation", args=[row.pk])
    title = live.operation_title(row)
    return Entry(row.created_at, row.machine.name, who, row.kind, title, row.reason, outcome, address)


def _events() -> QuerySet[Any]:
    return Event.objects.select_related("machine", "by").defer(SEEN_OF_IT)


def _event(row: Event) -> Entry:
    address = reverse("stacks:machine", args=[row.machine.name])
    return Entry(row.at, row.machine.name, str(row.by or COMMAND_LINE), row.kind, row.text, address=address)


def _revisions() -> QuerySet[Any]:
    return RecipeRevision.objects.select_related("recipe", "created_by").defer("text")


def _revision(row: RecipeRevision) -> Entry:
    who, address = str(row.created_by or COMMAND_LINE), reverse("stacks:recipe", args=[row.recipe.name])
    return Entry(row.created_at, "", who, RECIPE, f"Recipe {row}", why=row.note, address=address)


def _seen() -> QuerySet[Any]:
    changes = Activation.objects.filter(operation=None).select_related("machine", "version", "activated_by")
    return changes.defer(*LARGE, SEEN_OF_IT)


def _activation(row: Activation) -> Entry:
    address = reverse("stacks:version", args=[row.machine.name, row.version.name])
    who, what = str(row.activated_by or "unknown"), f"“{row.version.name}” was found active"
    return Entry(row.activated_at, row.machine.name, who, SEEN, what, why=row.reason, address=address)


def _audited() -> QuerySet[Any]:
    """Give entries, each with the name that its machine has now: the trail keeps the one that it had."""
    same = Machine.objects.filter(name=OuterRef("machine")).values("name")
    later = AuditEntry.objects.filter(kind=_KINDS.MACHINE, number__gt=OuterRef("number"))
    renamed = later.filter(old=OuterRef("machine")).order_by("-number")
    now = renamed.filter(new__in=Machine.objects.values("name")).values("new")[:1]
    return AuditEntry.objects.filter(kind__in=AUDITED).annotate(
        leads_to=Coalesce(Subquery(same), Subquery(now), output_field=TextField())
    )


def _audit_entry(row: Any) -> Entry:
    address = reverse("stacks:machine", args=[row.leads_to]) if row.leads_to else ""
    outcome = f"{row.old or '–'} → {row.new or '–'}" if row.old or row.new else ""
    return Entry(row.at, row.machine, row.who, row.kind, row.what, outcome=outcome, address=address)


OPERATIONS = Source(
    "operation", _operations, _operation, tuple(Operation.Kind.values), at="created_at", who="requested_by",
    text=("kind", "reason", "message", "parameters->version", "parameters->kernel"), kind="kind",
)  # fmt: skip
EVENTS = Source("event", _events, _event, tuple(Event.Kind.values), at="at", who="by", text=("text",), kind="kind")
REVISIONS = Source(
    "revision", _revisions, _revision, (RECIPE,), at="created_at", who="created_by", text=("recipe__name", "note"),
    machine="",
)  # fmt: skip
CHANGES = Source(
    "activation", _seen, _activation, (SEEN,), at="activated_at", who="activated_by", text=("version__name", "reason")
)
# The rest of the trail is listed by its own tables, or is not a change.
AUDITED = (_KINDS.PERSON, _KINDS.TOKEN, _KINDS.SETTINGS, _KINDS.LABEL, _KINDS.MACHINE, _KINDS.SCHEDULE, _KINDS.WINDOW)
AUDIT = Source(
    "audit", _audited, _audit_entry, tuple(map(str, AUDITED)), at="at", who="who", text=("what", "old", "new"),
    kind="kind", plain=True,
)  # fmt: skip
SOURCES = (OPERATIONS, EVENTS, REVISIONS, CHANGES, AUDIT)
