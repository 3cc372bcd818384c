"""Incident mode: what changed, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import incidents, operations, stale, timeline
from stacks.engine.errors import Refused
from stacks.forms import RevertForm
from stacks.http import Request, changing, viewing
from stacks.incidents import Incident
from stacks.models import Machine, Operation
from stacks.views import torn
from stacks.views.shown import Shown, all_machines

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@viewing
def incident(request: Request) -> HttpResponse:
    """Lead to the machine that is meant, or show all, the one that was changed last first."""
    named = request.GET.get("machine", "")
    names = list(Machine.objects.values_list("name", flat=True))
    if named in names or len(names) == 1:
        return redirect("stacks:machine-incident", named if named in names else names[0])
    machines = sorted(all_machines(), key=_changed_at, reverse=True)
    return render(request, "stacks/incidents.html", {"machines": machines})


def machine_incident(request: Request, name: str) -> HttpResponse:
    """Show the facts of a machine; take the revert."""
    return _revert(request, name) if request.method == "POST" else _page(request, name)


@viewing
def timeline_text(request: Request, name: str) -> HttpResponse:
    """Give the timeline alone, as text."""
    machine = get_object_or_404(Machine, name=name)
    text = timeline.of(machine, timeline.asked_hours(request.GET.get("hours"))).text
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@viewing
def _page(request: Request, name: str) -> HttpResponse:
    found = _facts(request, name)
    initial = {"version": found.target.name if found.target else "", "seen": found.active}
    return _shown(request, found, RevertForm(initial=initial))


@changing
def _revert(request: Request, name: str) -> HttpResponse:
    # Before the look at the disk: what ends after it would make that look old.
    operations.refuse_if_busy(get_object_or_404(Machine, name=name), Operation.Lane.LIVE)
    found, form = _facts(request, name), RevertForm(request.POST)
    if not form.is_valid():
        return _shown(request, found, form, status=422)
    asked = form.cleaned_data
    if asked["seen"] != found.active:
        raise Refused(stale.said(found.active, found.agreed, asked["seen"]))
    torn.demand_proof(request, found.machine)
    operation = operations.revert(
        machine=found.machine,
        version=asked["version"],
        mark_bad=True,
        requested_by=request.user,
        reason=asked["reason"],
    )
    return redirect("stacks:operation", operation.pk)


def _facts(request: Request, name: str) -> Incident:
    machine = get_object_or_404(Machine.objects.select_related("frozen_by"), name=name)
    hours = timeline.asked_hours(request.GET.get("hours"))
    return incidents.of(machine, target=request.POST.get("version") or request.GET.get("to", ""), hours=hours)


def _shown(request: Request, found: Incident, form: RevertForm, *, status: int = 200) -> HttpResponse:
    context = {"incident": found, "machine": found.machine, "form": form, "hours": request.GET.get("hours", "")}
    return render(request, "stacks/incident.html", context, status=status)


def _changed_at(shown: Shown) -> datetime:
    return shown.activation.activated_at if shown.activation else LONG_AGO
