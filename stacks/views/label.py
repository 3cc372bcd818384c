"""A version's pin and note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from access import audit
from access.models import AuditEntry
from stacks.engine.errors import Refused
from stacks.forms import LabelForm
from stacks.http import Request, commanding
from stacks.models import Version


@commanding
def label(request: Request, name: str, version: str) -> HttpResponse:
    """Pin a version or not, and keep a note on it."""
    row = get_object_or_404(Version, machine__name=name, name=version, removed_at=None)
    form = LabelForm(request.POST, instance=row)
    if not form.is_valid():
        raise Refused("The note is too long: 500 characters at most.")
    with transaction.atomic():
        form.save(commit=False).save(update_fields=[*form.Meta.fields])
        _note(request, row, form)
    return redirect("stacks:version", name, version)


def _note(request: Request, row: Version, form: LabelForm) -> None:
    if form.changed_data:
        what, old, new = f"“{row.name}” on {row.machine} was labelled.", _told(form.initial), _told(form.cleaned_data)
        audit.record(AuditEntry.Kind.LABEL, what, by=request.user, machine=row.machine.name, old=old, new=new)


def _told(label: Mapping[str, Any]) -> str:
    return f"{'pinned' if label['pinned'] else 'not pinned'}, “{label['note']}”"
