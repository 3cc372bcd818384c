"""Everything that is asked once, with its plan, and then submitted; deploy and revert have a page of their own."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import operations
from stacks.engine.errors import Refused
from stacks.forms import ACTIONS, VERSION_ACTIONS, ActionForm
from stacks.http import Request, changing
from stacks.models import Machine, Version
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
    posted = request.POST if request.method == "POST" else None
    form = kind(posted, machine=machine, version=version, initial=request.GET.dict())
    if form.is_bound and form.is_valid():
        return redirect("stacks:operation", form.submit(request.user).pk)
    plan, refusal = _plan(machine, form)
    words = {"machine": machine.name, "version": version}
    context: dict[str, Any] = {"machine": machine, "version": version, "form": form, "plan": plan, "refusal": refusal}
    context |= {"title": kind.title.format(**words), "button": kind.button.format(**words)}
    return render(request, "stacks/action.html", context, status=422 if form.errors else 200)


def _plan(machine: Machine, form: ActionForm) -> tuple[Plan | None, str]:
    try:
        return operations.preview(machine=machine, kind=form.kind, parameters=form.parameters()), ""
    except Refused as refusal:
        return None, str(refusal)
