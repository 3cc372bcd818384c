"""Everything that is asked once, with its plan, and then submitted; deploy and revert have a page of their own."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from access import proof
from stacks import operations, stale
from stacks.engine.errors import EngineError, Refused
from stacks.forms import ACTIONS, VERSION_ACTIONS, ActionForm
from stacks.http import Request, changing, demand
from stacks.models import Machine, Operation, Version
from stacks.observation import is_here
from stacks.plans import LANES
from stacks.plans.base import Plan


@changing
def machine_action(request: Request, name: str, action: str) -> HttpResponse:
    """Ask for an operation of a whole machine."""
    return _ask(request, get_object_or_404(Machine, name=name), _named(ACTIONS, action))


@changing
def version_action(request: Request, name: str, version: str, action: str) -> HttpResponse:
    """Ask for an operation of one version."""
    row = get_object_or_404(
        Version.objects.select_related("machine"), machine__name=name, name=version, removed_at=None
    )
    return _ask(request, row.machine, _named(VERSION_ACTIONS, action), version=row.name)


def _named(actions: dict[str, type[ActionForm]], name: str) -> type[ActionForm]:
    if name not in actions:
        raise Http404(name)
    return actions[name]


def _ask(request: Request, machine: Machine, kind: type[ActionForm], *, version: str = "") -> HttpResponse:
    demand(request, operations.right_for(kind.kind))
    posted = request.POST if request.method == "POST" else None
    form = kind(posted, machine=machine, version=version, initial=request.GET.dict())
    plan, refusal = _plan(machine, form)
    status = 422 if form.errors else 200
    if form.is_bound and form.is_valid():
        try:
            return redirect("stacks:operation", _submitted(request, form, plan, refusal).pk)
        except Refused as refused:
            refusal, status = refused, 409
    words = {"machine": machine.name, "version": version}
    context: dict[str, Any] = {"machine": machine, "version": version, "form": form, "plan": plan, "refusal": refusal}
    context |= {"title": kind.title.format(**words), "button": kind.button.format(**words), "seen": form.now(plan)}
    # Another choice may make possible what is refused now.
    context["possible"] = plan is not None or bool(form.choices) or not is_here(machine)
    return render(request, "stacks/action.html", context, status=status)


def _submitted(request: Request, form: ActionForm, plan: Plan | None, refusal: Exception | None) -> Operation:
    if isinstance(refusal, Refused) and is_here(form.machine):
        raise refusal
    if form.cleaned_data["seen"] != form.now(plan):
        last = stale.last_change(form.machine)
        what = f"What this is about has changed since the page was opened{f'; the last was {last}' if last else ''}."
        raise Refused(f"{what} Nothing was done: look again below.")
    if form.asks_proof:
        proof.demand(request)
    return form.submit(request.user)


def _plan(machine: Machine, form: ActionForm) -> tuple[Plan | None, Exception | None]:
    try:
        operations.refuse_if_busy(machine, LANES[form.kind])
        return operations.preview(machine=machine, kind=form.kind, parameters=form.parameters()), None
    except (EngineError, OSError) as refusal:
        return None, refusal
