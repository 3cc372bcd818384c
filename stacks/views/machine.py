"""One machine: its links, trees and versions as they are on disk, and its history."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from stacks import presence, windows
from stacks.http import Request, viewing
from stacks.views import first_run, table
from stacks.views.refreshed import respond
from stacks.views.shown import machines_shown, one_machine

RECENT = 10


@viewing
def machine(request: Request, name: str) -> HttpResponse:
    """Show a machine."""
    found = get_object_or_404(machines_shown(), name=name)
    shown = one_machine(found, windows.soon(windows.known([found.pk])))
    context = {
        "shown": shown,
        "first_run": first_run.of(shown),
        "workers": presence.heard([found]).order_by("lane"),
        "table": table.of(shown.trees, request.GET),
        "activations": found.activations.select_related("version", "activated_by", "operation")[:RECENT],
        "recent": found.operations.select_related("requested_by")[:RECENT],
    }
    return respond(request, "stacks/machine.html", "stacks/_machine.html", context)
