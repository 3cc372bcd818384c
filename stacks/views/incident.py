"""Incident mode: what changed, and the way back."""

from __future__ import annotations

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import incidents, operations, stale, timeline
from stacks.forms import RevertForm
from stacks.http import Request, changing, viewing
from stacks.incidents import Incident
from stacks.models import Activation, Machine, Operation
from stacks.views import torn
from stacks.views.moment import to_page_of
from stacks.views.shown import all_machines

PER_PAGE = 20


@viewing
def incident(request: Request) -> HttpResponse:
    """Lead to the machine that is meant, or show all, the one that was changed last first."""
    named = request.GET.get("machine", "")
    names = list(Machine.objects.values_list("name", flat=True))
    if named in names or len(names) == 1:
        return redirect("stacks:machine-incident", named if named in names else names[0])
    page: Page[int] = Paginator(_changed_last_first(), PER_PAGE).get_page(request.GET.get("page"))
    place = {pk: number for number, pk in enumerate(page.object_list)}
    machines = sorted(all_machines(list(place)), key=lambda shown: place[shown.machine.pk])
    return render(request, "stacks/incidents.html", {"machines": machines, "page": page, "names": names})


def _changed_last_first() -> QuerySet[Machine, int]:
    unended = Activation.objects.filter(machine=OuterRef("pk"), ended_at=None)
    changed_at = Subquery(unended.order_by("-activated_at").values("activated_at")[:1])
    return Machine.objects.order_by(changed_at.desc(nulls_last=True), "name").values_list("pk", flat=True)


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
    machine, form = get_object_or_404(Machine, name=name), RevertForm(request.POST)
    # Before the look at the disk: what ends after it would make that look old.
    operations.refuse_if_busy(machine, Operation.Lane.LIVE)
    if not form.is_valid():
        return _shown(request, _facts(request, name), form, status=422)
    asked = form.cleaned_data
    stale.refuse_if_changed(machine, asked["seen"])
    torn.demand_proof(request, machine)
    operation = operations.revert(
        machine=machine,
        version=asked["version"],
        mark_bad=True,
        requested_by=request.user,
        reason=asked["reason"],
    )
    return to_page_of(operation, machine)


def _facts(request: Request, name: str) -> Incident:
    machine = get_object_or_404(Machine.objects.select_related("frozen_by"), name=name)
    hours = timeline.asked_hours(request.GET.get("hours"))
    return incidents.of(machine, target=request.POST.get("version") or request.GET.get("to", ""), hours=hours)


def _shown(request: Request, found: Incident, form: RevertForm, *, status: int = 200) -> HttpResponse:
    context = {"incident": found, "machine": found.machine, "form": form, "hours": request.GET.get("hours", "")}
    return render(request, "stacks/incident.html", context, status=status)
