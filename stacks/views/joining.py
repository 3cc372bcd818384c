"""How a machine joins: the form, the one command to type there, and waiting for its answer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from access import proof
from stacks import joining as joinings
from stacks.engine.errors import Refused
from stacks.forms import JoiningForm
from stacks.http import Request, changing_machines, commanding_machines, managing
from stacks.joining import progress
from stacks.models import Joining, Machine
from stacks.views.refreshed import living, respond

RECENT = 10


@never_cache
@changing_machines
def machine_add(request: Request) -> HttpResponse:
    """Ask what a new machine is to be, and show the command by which it joins, this once."""
    form = JoiningForm(request.POST if request.method == "POST" else None)
    if form.is_bound and (why := joinings.hindrance()):
        raise Refused(f"No other machine can join: {why}")
    if form.is_bound and form.is_valid():
        proof.demand(request)
        try:
            return _once(request, *joinings.invite(by=request.user, **form.cleaned_data))
        except Refused as refusal:
            form.add_error("name", str(refusal))
    asked = Joining.objects.select_related("created_by", "machine")[:RECENT]
    context = {
        "form": form, "hindrance": joinings.hindrance(), "remarks": joinings.remarks(),
        "recent": progress.of_all(asked),
    }  # fmt: skip
    return render(request, "stacks/machine_add.html", context, status=422 if form.errors else 200)


@never_cache
@changing_machines
def machine_join(request: Request, name: str) -> HttpResponse:
    """Let a machine that is here join again: show the command for it, this once."""
    machine = get_object_or_404(Machine, name=name)
    if request.method == "POST":
        proof.demand(request)
        return _once(request, *joinings.invite_again(machine=machine, by=request.user))
    context = {"machine": machine, "hindrance": joinings.hindrance(), "remarks": joinings.remarks()}
    return render(request, "stacks/machine_join.html", context)


@managing
def joining(request: Request, pk: int) -> HttpResponse:
    """Show how far a machine has come that was invited."""
    found = progress.of(get_object_or_404(Joining.objects.select_related("machine", "created_by"), pk=pk))
    return respond(request, "stacks/joining.html", "stacks/_joining.html", {"progress": found})


@commanding_machines
def joining_withdraw(request: Request, pk: int) -> HttpResponse:
    """Make a join token useless."""
    found = get_object_or_404(Joining, pk=pk)
    if not joinings.withdraw(joining=found, by=request.user):
        raise Refused(joinings.over(found) or "This join token was withdrawn already.")
    messages.success(request, f"The join token of {found.name} is withdrawn: nobody can use it.")
    return redirect("stacks:joining", pk)


def _once(request: Request, made: Joining, text: str) -> HttpResponse:
    again = " --again" if made.machine_id else ""
    address = f"{request.scheme}://{request.get_host()}"
    context = {
        "progress": progress.of(made), "remarks": joinings.remarks(),
        "command": f"echo {text} | sudo .venv/bin/dlstack join {address}{again} --start",
    }  # fmt: skip
    live, _ = living(request, "stacks/_joining.html", context, reverse("stacks:joining", args=[made.pk]))
    return render(request, "stacks/joining.html", {**context, "live": live}, status=201)
