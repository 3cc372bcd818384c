"""Freezing a machine, and clearing the mark on a version: each with a reason."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import marks
from stacks.engine.errors import Refused
from stacks.forms import FreezeForm, ReasonForm
from stacks.http import Request, changing
from stacks.models import Machine, Version


@changing
def freeze(request: Request, name: str) -> HttpResponse:
    """Freeze or unfreeze deploys of a machine."""
    machine = get_object_or_404(Machine.objects.select_related("frozen_by"), name=name)
    form = FreezeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return _done(request, machine, form)
    context = {"machine": machine, "form": form, "said": marks.frozen(machine)}
    return render(request, "stacks/freeze.html", context, status=422 if form.errors else 200)


@changing
def clear(request: Request, name: str, version: str) -> HttpResponse:
    """Take the mark from a version that is marked bad; the form is on its page."""
    row = get_object_or_404(
        Version.objects.select_related("machine"), machine__name=name, name=version, removed_at=None
    )
    form = ReasonForm(request.POST)
    if request.method == "POST":
        if not form.is_valid():
            raise Refused("To clear the mark, give a reason of 500 characters at most: it is kept on record.")
        marks.clear(version=row, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"The mark on “{row.name}” is cleared: it can be deployed.")
    return redirect("stacks:version", name, version)


def _done(request: Request, machine: Machine, form: FreezeForm) -> HttpResponse:
    asked = form.cleaned_data
    change = marks.freeze if asked["do"] == "freeze" else marks.unfreeze
    change(machine=machine, by=request.user, reason=asked["reason"])
    done = "frozen: nothing is deployed" if machine.frozen_since else "free again"
    messages.success(request, f"Deploys of {machine.name} are {done}.")
    return redirect("stacks:machine-incident" if asked["back"] else "stacks:machine", machine.name)
