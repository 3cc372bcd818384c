"""Another name for a machine, and its end on record."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from access import proof
from stacks import machines, presence
from stacks.engine.errors import Refused
from stacks.forms import ForgetForm, NameForm
from stacks.http import Request, changing_machines
from stacks.models import Machine


@changing_machines
def rename(request: Request, name: str) -> HttpResponse:
    """Ask for another name, and lead to the command that tells the machine."""
    machine = get_object_or_404(Machine, name=name)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": name})
    if form.is_bound and form.is_valid():
        _refuse_if_hindered(machine)
        machines.rename(machine=machine, name=form.cleaned_data["name"], by=request.user)
        messages.success(request, f"{name} is {machine.name} now. Its workers have to be told: that comes next.")
        return redirect("stacks:machine-join", machine.name)
    context = {"machine": machine, "form": form, "hindrance": machines.hindrance(machine)}
    return render(request, "stacks/rename.html", context, status=422 if form.errors else 200)


@changing_machines
def forget(request: Request, name: str) -> HttpResponse:
    """Ask once more, and remove what is on record of a machine."""
    machine = get_object_or_404(Machine, name=name)
    form = ForgetForm(request.POST if request.method == "POST" else None, machine=machine)
    if form.is_bound and form.is_valid():
        _refuse_if_hindered(machine)
        proof.demand(request)
        machines.forget(machine=machine, by=request.user)
        messages.success(request, f"{name} is forgotten. Its disk was left alone.")
        return redirect("stacks:dashboard")
    context = {
        "machine": machine, "form": form, "hindrance": machines.hindrance(machine), "held": machines.held(machine),
        "alive": presence.is_alive(machine),
    }  # fmt: skip
    return render(request, "stacks/forget.html", context, status=422 if form.errors else 200)


def _refuse_if_hindered(machine: Machine) -> None:
    """Refuse before anybody is asked for a proof; it is looked at once more when it is done."""
    if why := machines.hindrance(machine):
        raise Refused(f"{why} Nothing was changed.")
