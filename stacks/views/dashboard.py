"""All machines at a glance."""

from __future__ import annotations

from django.http import HttpResponse

from stacks.http import Request, viewing
from stacks.views import first_run
from stacks.views.refreshed import respond
from stacks.views.shown import all_machines


@viewing
def dashboard(request: Request) -> HttpResponse:
    """Show each machine: what is active, what runs, what is wrong and what to do."""
    machines = all_machines()
    begun = any(shown.active or shown.recorded for shown in machines)
    context = {"machines": machines, "first_run": None if begun else first_run.of(next(iter(machines), None))}
    return respond(request, "stacks/dashboard.html", "stacks/_machines.html", context)
