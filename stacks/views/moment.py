"""Where the browser is sent after a switch: to the operation's page, when that can tell the end."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect

from stacks import operations
from stacks.models import Machine, Operation

# Seconds. To switch to what is in RAM takes a tenth: the page that the browser is sent to then tells of the end at
# once, and is not drawn meanwhile on the processors that the switch needs.
MOMENT = 0.3


def to_page_of(operation: Operation, machine: Machine) -> HttpResponse:
    """Send the browser to an operation's page, a moment later where a version is in RAM, so that it may have ended."""
    if operation.parameters["version"] in machine.observed.get("resident", []):
        operations.ends_within(operation, MOMENT)
    return redirect("stacks:operation", operation.pk)
