"""Ask for a new version."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import estimates, operations, stale
from stacks.engine.errors import Refused
from stacks.estimates import Estimate
from stacks.forms import BuildForm
from stacks.http import Request, changing
from stacks.models import Machine, Operation
from stacks.plans.base import Plan
from stacks.views import torn


@changing
def build(request: Request, name: str) -> HttpResponse:
    """Show the form with the plan that would run; take it and go to the operation."""
    machine = get_object_or_404(Machine, name=name)
    posted = request.POST if request.method == "POST" and "show" not in request.POST else None
    proposed = operations.propose_name(machine)
    form = BuildForm(posted, proposed=proposed, strategy=machine.strategy, initial=_asked(request))
    refused = None
    if form.is_bound and form.is_valid():
        try:
            return redirect("stacks:operation", _submitted(request, machine, form).pk)
        except Refused as refusal:
            refused = refusal
            form.add_error(None, str(refusal))
    plan, refusal_shown = _plan(machine, form)
    context = {
        "machine": machine, "form": form, "plan": plan, "plan_refused": refusal_shown,
        "estimate": _estimate(machine, form), "refused": refused, "active": stale.active_now(machine),
    }  # fmt: skip
    return render(request, "stacks/build.html", context, status=422 if form.errors else 200)


def _asked(request: Request) -> dict[str, object]:
    """Read what was chosen so far: after another recipe was chosen, the form is shown again with its options."""
    given = request.POST or request.GET
    fields: dict[str, object] = {
        key: given[key] for key in ("recipe", "name", "reason", "kernel_dir", "strategy") if key in given
    }
    return {**fields, "options": given.getlist("options"), "deploy": "deploy" in given}


def _submitted(request: Request, machine: Machine, form: BuildForm) -> Operation:
    asked = form.cleaned_data
    if asked["deploy"]:
        stale.refuse_if_changed(machine, asked["seen"])
        torn.demand_proof(request, machine)
    return operations.build(
        machine=machine, recipe_name=asked["recipe"], name=asked["name"], options=asked["options"],
        deploy=asked["deploy"], kernel_dir=asked["kernel_dir"], strategy=asked["strategy"],
        requested_by=request.user, reason=asked["reason"],
    )  # fmt: skip


def _estimate(machine: Machine, form: BuildForm) -> Estimate | None:
    return estimates.build(machine, form.revision.recipe.name) if form.revision else None


def _plan(machine: Machine, form: BuildForm) -> tuple[Plan | None, str]:
    if form.revision is None:
        return None, ""
    try:
        return operations.preview(machine=machine, kind="build", parameters=form.parameters()), ""
    except Refused as refusal:
        return None, str(refusal)
