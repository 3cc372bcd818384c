"""Deploy and revert: ask once, say what changes, do it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from stacks import activations, operations, stale
from stacks.differences import between
from stacks.engine.errors import EngineError, Refused
from stacks.forms import SwitchForm
from stacks.http import Request, changing
from stacks.models import Machine, Operation, Version
from stacks.plans.base import Plan
from stacks.views import torn
from stacks.views.moment import to_page_of
from stacks.views.shown import Shown, machines_shown, one_machine


@changing
def deploy(request: Request, name: str, version: str) -> HttpResponse:
    """Make a version active."""
    return _confirm(request, _named(request, name), "deploy", version)


@changing
def revert(request: Request, name: str) -> HttpResponse:
    """Put an earlier version back: `version`, or the last that was healthy."""
    machine = _named(request, name)
    asked = request.POST.get("version") or request.GET.get("version")
    if not asked:
        target = activations.revert_target(machine)
        if target is None:
            raise Refused(f"There is nothing to revert to on {name}: no other version was active and healthy before.")
        asked = target.name
    return _confirm(request, machine, "revert", asked)


def _named(request: Request, name: str) -> Machine:
    """Give a machine: with what pages show of it, but for a click, for which there is no time."""
    rows = Machine.objects.all() if request.method == "POST" else machines_shown()
    found: Machine = get_object_or_404(rows, name=name)
    return found


def _confirm(request: Request, machine: Machine, kind: str, name: str) -> HttpResponse:
    rows = Version.objects.filter(machine=machine, name=name, removed_at=None)
    form = SwitchForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and rows.exists():
        return to_page_of(_submitted(request, kind, machine, name, form), machine)
    version = get_object_or_404(rows.select_related("machine"))
    shown = one_machine(machines_shown().get(pk=machine.pk) if form.is_bound else machine)
    asked = SwitchForm({**request.GET.dict(), "seen": shown.active})
    plan, refusal = _plan(machine, kind, name, asked)
    active = shown.versions.get(shown.active)
    context = {"shown": shown, "kind": kind, "version": version, "active": active, "form": form, "plan": plan,
               "refusal": refusal, "differences": between(active, version) if active else None,
               "chosen": asked, "now": [one for one in shown.unfinished if one.lane == Operation.Lane.LIVE],
               "possible": name != shown.active or name != shown.status.get("backing", name),
               "externals": _externals(shown, name), "services": _services(shown),
               "resident": name in shown.status.get("resident", [])}  # fmt: skip
    return render(request, "stacks/switch.html", context)


def _externals(shown: Shown, name: str) -> list[str]:
    found = next((tree.found for tree in shown.trees if tree.name == name), {})
    return sorted(found.get("externals") or {})


def _services(shown: Shown) -> list[str]:
    return [str(item.get("unit") or item.get("name")) for item in shown.status.get("services", [])]


def _submitted(request: Request, kind: str, machine: Machine, version: str, form: SwitchForm) -> Operation:
    """Submit what was confirmed. In an incident seconds count: of the machine no more is looked at than is needed."""
    asked, choices = form.cleaned_data, form.choices()
    # Before the look at the disk: what ends after it would make that look old.
    operations.refuse_if_busy(machine, Operation.Lane.LIVE)
    stale.refuse_if_changed(machine, asked["seen"])
    torn.demand_proof(request, machine)
    submit = operations.revert if kind == "revert" else operations.deploy
    return submit(machine=machine, version=version, choices=choices, requested_by=request.user, reason=asked["reason"])


def _plan(machine: Machine, kind: str, name: str, asked: SwitchForm) -> tuple[Plan | None, str]:
    try:
        parameters = {"version": name, **(asked.choices().checked("asked") if asked.is_valid() else {})}
        return operations.preview(machine=machine, kind=kind, parameters=parameters), ""
    except (EngineError, OSError) as refusal:
        return None, str(refusal)
