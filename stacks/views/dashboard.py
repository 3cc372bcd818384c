"""All machines at a glance."""

from __future__ import annotations

from django.http import HttpResponse

from stacks.http import Request, viewing
from stacks.views.refreshed import respond
from stacks.views.shown import all_machines


@viewing
def dashboard(request: Request) -> HttpResponse:
    """Show each machine: what is active, what runs, what is wrong and what to do."""
    return respond(request, "stacks/dashboard.html", "stacks/_machines.html", {"machines": all_machines()})
