"""One operation: its state, its steps, its log, and the two things to do about it."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe

from stacks import operations
from stacks.http import Request, commanding, viewing
from stacks.live import state_document
from stacks.loghtml import render_lines
from stacks.logs import tail
from stacks.models import Operation

SHOWN_LINES = 500
# What is gone for good is never done again without a look at what would go.
ASKED_AGAIN = (Operation.Kind.REMOVE, Operation.Kind.PRUNE, Operation.Kind.DISCARD)
RELATED = ("machine", "requested_by", "cancel_requested_by", "parent", "retry_of")


@viewing
def operation(request: Request, pk: int) -> HttpResponse:
    """Show an operation with the end of its log; htmx gets the header alone."""
    found = get_object_or_404(Operation.objects.select_related(*RELATED), pk=pk)
    if request.htmx:
        return render(request, "stacks/_operation_head.html", {"operation": found})
    lines = tail(found, SHOWN_LINES)
    context = {
        "operation": found,
        "children": found.children.all(),
        "first": lines[0].n if lines else 1,
        "last": lines[-1].n if lines else 0,
        "log": mark_safe(render_lines(lines)),  # noqa: S308  # escaped line by line
    }
    return render(request, "stacks/operation.html", context)


@viewing
def operation_state(request: Request, pk: int) -> HttpResponse:
    """Tell the state as a small JSON document."""
    return JsonResponse(state_document(get_object_or_404(Operation.objects.select_related("machine"), pk=pk)))


@commanding
def cancel(request: Request, pk: int) -> HttpResponse:
    """Ask a queued or running operation to end."""
    found = get_object_or_404(Operation, pk=pk)
    operations.request_cancel(operation=found, by=request.user)
    return redirect("stacks:operation", pk)


@commanding
def retry(request: Request, pk: int) -> HttpResponse:
    """Submit the same again, as a new operation."""
    found = get_object_or_404(Operation.objects.select_related("machine"), pk=pk)
    if found.kind in ASKED_AGAIN and found.state in Operation.RETRYABLE:
        return redirect(_question(found))
    return redirect("stacks:operation", operations.retry(operation=found, by=request.user).pk)


def _question(found: Operation) -> str:
    """Give the page that asks for such an operation, with its plan as it is now."""
    if found.kind == Operation.Kind.REMOVE:
        return reverse("stacks:version-action", args=[found.machine.name, found.parameters["version"], "remove"])
    return reverse("stacks:action", args=[found.machine.name, found.kind])
