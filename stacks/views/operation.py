"""One operation: its state, its steps, its log, and the two things to do about it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe

from stacks import operations, stale
from stacks.http import Request, commanding, demand, viewing
from stacks.live import state_document
from stacks.loghtml import NOTHING, render_lines
from stacks.logs import LogLine, last_line, read_lines, search, tail
from stacks.models import Operation
from stacks.presence import waiting_for
from stacks.views import torn
from stacks.views.log import LONGEST_QUERY, number, snippet

SHOWN_LINES = 500
# What is gone for good, and what a machine is given, is never done again without a look at it.
ASKED_AGAIN = (Operation.Kind.REMOVE, Operation.Kind.PRUNE, Operation.Kind.DISCARD, Operation.Kind.PROVISION)
RELATED = ("machine", "requested_by", "cancel_requested_by", "parent", "retry_of")


@viewing
def operation(request: Request, pk: int) -> HttpResponse:
    """Show an operation with the end of its log, or the lines around `line`; htmx gets the header alone."""
    found = get_object_or_404(Operation.objects.select_related(*RELATED), pk=pk)
    children = found.children.select_related("requested_by")
    if request.htmx:
        context = {"operation": found, "children": children, "waiting": _waiting(found)}
        return render(request, "stacks/_operation_head.html", context)
    query = request.GET.get("q", "")[:LONGEST_QUERY]
    context = {
        "operation": found,
        "waiting": _waiting(found),
        "children": children,
        "query": query,
        "found": _searched(found, query) if query else None,
        **_shown(found, asked_lines(request.GET.get("line", ""))),
    }
    return render(request, "stacks/operation.html", context)


def _waiting(found: Operation) -> str:
    return waiting_for(found) or operations.waiting(found)


def asked_lines(text: str) -> range:
    """Read which lines an address asks for, as `120` or `120-140`; none where it is neither."""
    first, dash, until = text.partition("-")
    start = number(first, 0)
    return range(start, (number(until, start) if dash else start) + 1) if start else NOTHING


def _shown(found: Operation, asked: range) -> dict[str, Any]:
    lines = _around(found, asked.start) if asked else tail(found, SHOWN_LINES)
    first, last = (lines[0].n, lines[-1].n) if lines else (1, 0)
    return {
        "first": first,
        "last": last,
        "newest": max(last_line(found), last) if asked else last,
        "asked": asked,
        "log": mark_safe(render_lines(lines, asked)),  # noqa: S308  # escaped line by line
        "before": max(1, first - SHOWN_LINES // 2),
        "after": last + SHOWN_LINES // 2,
    }


def _around(found: Operation, line: int) -> list[LogLine]:
    """Read the lines around one, or the end where there is no such line."""
    first = max(1, min(line - SHOWN_LINES // 2, last_line(found) - SHOWN_LINES + 1))
    return read_lines(found, first, first + SHOWN_LINES - 1)


def _searched(found: Operation, query: str) -> dict[str, Any]:
    result = search(found, query)
    return {"lines": [(line.n, snippet(line)) for line in result.lines], "result": result}


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
    demand(request, operations.right_for(found.kind))
    if found.kind in ASKED_AGAIN and found.state in Operation.RETRYABLE:
        return redirect(_question(found))
    if stale.changes_live(found):
        stale.refuse_if_changed(found.machine, request.POST.get("seen", ""))
        torn.demand_proof(request, found.machine)
    return redirect("stacks:operation", operations.retry(operation=found, by=request.user).pk)


def _question(found: Operation) -> str:
    """Give the page that asks for such an operation, with its plan as it is now."""
    if found.kind == Operation.Kind.REMOVE:
        return reverse("stacks:version-action", args=[found.machine.name, found.parameters["version"], "remove"])
    return reverse("stacks:action", args=[found.machine.name, found.kind])
