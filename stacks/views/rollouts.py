"""Rollouts: the list, asking for one, following it, and the revert of all machines at once."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import rollouts
from stacks.engine.errors import Refused
from stacks.forms import RevertAllForm, RolloutForm
from stacks.http import Request, changing, commanding, viewing
from stacks.models import Rollout
from stacks.rollouts import ways
from stacks.views import torn
from stacks.views.refreshed import respond

PER_PAGE = 30
# Of each machine of a rollout, of which there may be hundreds, what its page tells.
SHOWN = (
    "rollout", "batch", "state", "version", "message", "ended_at",
    "machine__name", "operation__kind", "revert_operation__kind",
)  # fmt: skip


@viewing
def rollout_list(request: Request) -> HttpResponse:
    """List rollouts, newest first."""
    found = Rollout.objects.select_related("requested_by")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "stacks/rollouts.html", {"page": page})


@changing
def rollout_add(request: Request) -> HttpResponse:
    """Ask which version goes to which machines, and begin."""
    version = str((request.POST or request.GET).get("version", ""))
    form = RolloutForm(request.POST if request.method == "POST" else None, ways=ways.forth(version))
    refusal, status = None, 422 if form.errors else 200
    if form.is_bound and form.is_valid():
        try:
            return redirect("stacks:rollout", _deployed(request, version, form).pk)
        except Refused as refused:
            refusal, status = refused, 409
    context = {"form": form, "version": version, "names": ways.names(), "refusal": refusal}
    return render(request, "stacks/rollout_add.html", context, status=status)


@viewing
def rollout(request: Request, pk: int) -> HttpResponse:
    """Show how a rollout goes."""
    found = get_object_or_404(Rollout.objects.select_related("requested_by"), pk=pk)
    targets = found.targets.select_related("machine", "operation", "revert_operation").only(*SHOWN)
    return respond(request, "stacks/rollout.html", "stacks/_rollout.html", {"rollout": found, "targets": targets})


@commanding
def rollout_resume(request: Request, pk: int) -> HttpResponse:
    """Try again where a rollout failed, and go on."""
    found = get_object_or_404(Rollout, pk=pk)
    for target in found.targets.select_related("machine"):
        torn.demand_proof(request, target.machine)
    rollouts.resume(rollout=found, by=request.user)
    return redirect("stacks:rollout", pk)


@commanding
def rollout_cancel(request: Request, pk: int) -> HttpResponse:
    """End a rollout where it is."""
    rollouts.cancel(rollout=get_object_or_404(Rollout, pk=pk), by=request.user)
    return redirect("stacks:rollout", pk)


@changing
def revert_all(request: Request) -> HttpResponse:
    """Show to what each machine would go back, and revert the chosen ones at once."""
    form = RevertAllForm(request.POST if request.method == "POST" else None, ways=ways.back())
    if form.is_bound and form.is_valid():
        return redirect("stacks:rollout", _reverted(request, form).pk)
    others = rollouts.in_the_way([way.machine for way in form.ways if way.to])
    context = {"form": form, "others": others}
    return render(request, "stacks/revert_all.html", context, status=422 if form.errors else 200)


def _deployed(request: Request, version: str, form: RolloutForm) -> Rollout:
    machines = form.machines
    for machine in machines:
        torn.demand_proof(request, machine)
    return rollouts.deploy(
        machines=machines,
        version=version,
        pace=form.pace,
        on_failure=form.cleaned_data["on_failure"],
        any_build=form.cleaned_data["any_build"],
        requested_by=request.user,
        reason=form.cleaned_data["reason"],
    )


def _reverted(request: Request, form: RevertAllForm) -> Rollout:
    if form.is_stale:
        raise Refused("What is active has changed since this page was opened: look again. Nothing was submitted.")
    machines = form.machines
    for machine in machines:
        torn.demand_proof(request, machine)
    return rollouts.revert(
        machines=machines,
        pace=rollouts.Pace(),
        mark_bad=True,
        requested_by=request.user,
        reason=form.cleaned_data["reason"],
    )
