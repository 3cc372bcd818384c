"""What changes the live version, or checks it: each becomes an operation."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from kernels import requests, seen
from kernels.forms import CheckForm, ConfirmForm, PublishForm
from stacks import operations, stale
from stacks.engine.errors import EngineError, Refused
from stacks.http import Request, changing, commanding
from stacks.models import Machine, Operation
from stacks.observation import is_here
from stacks.plans.base import Plan
from stacks.views import torn


@commanding
def check(request: Request, name: str) -> HttpResponse:
    """Check kernels now."""
    machine = get_object_or_404(Machine, name=name)
    form = CheckForm(request.POST)
    if not form.is_valid():
        raise Refused("Choose how deep to check: static, interpreter or launch.")
    asked = form.cleaned_data
    names = [asked["kernel"]] if asked["kernel"] else []
    operation = requests.check(
        machine=machine, version=asked["version"], names=names, depth=asked["depth"], requested_by=request.user
    )
    return redirect("stacks:operation", operation.pk)


@changing
def install(request: Request, name: str, kernel: str) -> HttpResponse:
    """Install a kernelspec of the library into the live version, after a look at the plan."""
    return _change(request, get_object_or_404(Machine, name=name), "kernel-install", kernel)


@changing
def uninstall(request: Request, name: str, kernel: str) -> HttpResponse:
    """Remove a kernelspec from the live version, after a look at the plan."""
    return _change(request, get_object_or_404(Machine, name=name), "kernel-remove", kernel)


def _change(request: Request, machine: Machine, kind: str, kernel: str) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    active = stale.active_now(machine)
    if form.is_bound and form.is_valid():
        stale.refuse_if_changed(machine, form.cleaned_data["expected"])
        torn.demand_proof(request, machine)
        submit = requests.install if kind == "kernel-install" else requests.remove
        made = submit(machine=machine, kernel=kernel, requested_by=request.user, reason=form.cleaned_data["reason"])
        return redirect("stacks:operation", made.pk)
    return _confirm(request, machine, kind, kernel, active)


@changing
def publish(request: Request, name: str) -> HttpResponse:
    """Publish an environment as a kernel for all users, in one form."""
    machine = get_object_or_404(Machine, name=name)
    live = seen.kernels(machine)
    row = machine.versions.filter(name=live.version, removed_at=None).first()
    named = {kernel["environment"] for kernel in live.kernels} | set(row.packages if row else ())
    environments = sorted(item for item in named if item)
    form = PublishForm(request.POST or None, environments=environments)
    refused = None
    if form.is_bound and form.is_valid():
        try:
            return redirect("stacks:operation", _published(request, machine, form).pk)
        except Refused as refusal:
            refused = refusal
            form.add_error(None, str(refusal))
    context = {"machine": machine, "form": form, "version": live.version, "environments": environments}
    context |= {"refused": refused, "active": stale.active_now(machine)}
    return render(request, "kernels/publish.html", context, status=422 if form.is_bound else 200)


def _published(request: Request, machine: Machine, form: PublishForm) -> Operation:
    asked = dict(form.cleaned_data)
    stale.refuse_if_changed(machine, asked.pop("expected"))
    torn.demand_proof(request, machine)
    return requests.install(machine=machine, requested_by=request.user, **asked)


def _confirm(request: Request, machine: Machine, kind: str, kernel: str, active: str) -> HttpResponse:
    parameters = {"kernel": kernel, "version": operations.propose_name(machine)}
    plan, refusal = _plan(machine, kind, parameters)
    context = {"machine": machine, "kind": kind, "kernel": kernel, "plan": plan, "refusal": refusal}
    context |= {"active": active, "possible": plan is not None or not is_here(machine)}
    return render(request, "kernels/confirm.html", context)


def _plan(machine: Machine, kind: str, parameters: dict[str, Any]) -> tuple[Plan | None, str]:
    try:
        return operations.preview(machine=machine, kind=kind, parameters=parameters), ""
    except (EngineError, OSError) as refusal:
        return None, str(refusal)
