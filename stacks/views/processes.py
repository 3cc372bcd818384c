"""Who runs which version of a machine."""

from __future__ import annotations

import os

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from stacks import processes as running
from stacks.engine.errors import EngineError
from stacks.http import Request, viewing
from stacks.models import Machine


@viewing
def processes(request: Request, name: str) -> HttpResponse:
    """Count the processes per version and user, as a page or for htmx as its part."""
    machine = get_object_or_404(Machine, name=name)
    try:
        found, refusal = running.count(machine), ""
    except (EngineError, OSError) as error:
        found, refusal = [], str(error)
    context = {"machine": machine, "found": found, "refusal": refusal, "sees_all": os.geteuid() == 0}
    return render(request, "stacks/_processes.html" if request.htmx else "stacks/processes.html", context)
