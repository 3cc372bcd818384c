"""A machine's settings."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from access import audit
from access.models import AuditEntry
from stacks import operations
from stacks.forms import SettingsForm
from stacks.http import Request, changing_machines
from stacks.models import Machine


@changing_machines
def settings(request: Request, name: str) -> HttpResponse:
    """Show the settings and take them; what lies on the machine's disk is written by an operation."""
    machine = get_object_or_404(Machine, name=name)
    form = SettingsForm(request.POST if request.method == "POST" else None, instance=machine)
    if form.is_bound and form.is_valid():
        return _save(request, machine, form)
    return render(
        request, "stacks/settings.html", {"machine": machine, "form": form}, status=422 if form.errors else 200
    )


def _save(request: Request, machine: Machine, form: SettingsForm) -> HttpResponse:
    operation = None
    if form.changes_services:  # first, since it may be refused
        asked = form.cleaned_data["services"]
        operation = operations.configure(machine=machine, services=asked, requested_by=request.user)
    # Its own fields alone: others may have written to the row since the page was opened.
    with transaction.atomic():
        form.save(commit=False).save(update_fields=[*form.Meta.fields])
        _note(request, machine, form)
    if operation is not None:
        return redirect("stacks:operation", operation.pk)
    messages.success(request, "Saved.")
    return redirect("stacks:machine", machine.name)


def _note(request: Request, machine: Machine, form: SettingsForm) -> None:
    """Keep on the audit trail which settings changed; services are written by an operation of their own."""
    changed = [name for name in form.Meta.fields if form.initial[name] != form.cleaned_data[name]]
    if changed:
        old = ", ".join(f"{name}={form.initial[name]}" for name in changed)
        new = ", ".join(f"{name}={form.cleaned_data[name]}" for name in changed)
        what = f"Settings of {machine} were changed."
        audit.record(AuditEntry.Kind.SETTINGS, what, by=request.user, machine=machine.name, old=old, new=new)
