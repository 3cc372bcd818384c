"""An operation's log: ranges of lines, what is searched for, the whole as text, and the live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import aget_object_or_404, get_object_or_404, redirect
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from access import sessions
from access.roles import LOOK
from stacks import live, logs, sse
from stacks.http import Request, viewing
from stacks.loghtml import render_lines
from stacks.logs import LogLine, plain, read_lines
from stacks.models import Operation

MOST = 2000
SNIPPET = 200
LONGEST_QUERY = 500
LONGEST_LOOK = 10.0  # seconds


def number(text: str | None, otherwise: int) -> int:
    """Read the number of a line as a browser sends it; `otherwise` where it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


@viewing
def log(request: Request, pk: int) -> HttpResponse:
    """Give the lines `from`–`to` as HTML, 2,000 at most: the last of them where only `to` is given."""
    found = get_object_or_404(Operation, pk=pk)
    last = number(request.GET.get("to"), 0)
    first = number(request.GET.get("from"), max(last - MOST + 1, 1) if last else 1)
    last = min(last or first + MOST - 1, first + MOST - 1)
    return HttpResponse(render_lines(read_lines(found, max(first, 1), last)))


@viewing
def log_search(request: Request, pk: int) -> HttpResponse:
    """Find the lines that hold `q`, or with `errors` those that look like errors; 200 at most, in a second or two."""
    operation = get_object_or_404(Operation, pk=pk)
    query = request.GET.get("q", "")[:LONGEST_QUERY]
    if "errors" in request.GET:
        found = logs.errors(operation)
    else:
        found = logs.search(operation, query) if query else logs.Found([], 0, complete=True)
    lines = [{"n": line.n, "text": snippet(line)} for line in found.lines]
    return JsonResponse({"lines": lines, "searched": found.searched, "complete": found.complete})


@viewing
def first_error(request: Request, pk: int) -> HttpResponse:
    """Go to the first line that is an error or looks like one."""
    operation = get_object_or_404(Operation, pk=pk)
    found = logs.errors(operation, limit=1, seconds=LONGEST_LOOK)
    page = reverse("stacks:operation", args=[pk])
    if found.lines:
        return redirect(f"{page}?line={found.lines[0].n}#L{found.lines[0].n}")
    where = "this log" if found.complete else f"the first {found.searched:,} lines, which is as far as time allowed,"
    messages.info(request, f"No line of {where} looks like an error.")
    return redirect(page)


def snippet(line: LogLine) -> str:
    """Give the text of a line without colours, shortened to what fits a list."""
    text = plain(line.text).strip()
    return text if len(text) <= SNIPPET else f"{text[: SNIPPET - 1]}…"


@login_required
@permission_required(LOOK, raise_exception=True)
@require_safe
async def raw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give the whole log as text without colours: a file, or with `view` to read here; with `times` in front."""
    found = await aget_object_or_404(Operation.objects.select_related("machine"), pk=pk)
    name = slugify(f"{found.machine} {live.operation_title(found)} {found.pk}")
    how = "inline" if "view" in request.GET else "attachment"
    headers = {"Content-Disposition": f'{how}; filename="{name}.log"'}
    text = _text(found, as_timed if "times" in request.GET else as_plain)
    return StreamingHttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


async def _text(operation: Operation, written: Callable[[LogLine], str]) -> AsyncIterator[bytes]:
    position = 0
    while lines := await sync_to_async(read_lines)(operation, position + 1, position + MOST):
        yield "".join(f"{written(line)}\n" for line in lines).encode()
        position = lines[-1].n


def as_plain(line: LogLine) -> str:
    """Write a line as its text alone."""
    return plain(line.text)


def as_timed(line: LogLine) -> str:
    """Write a line with its time in UTC before it."""
    at = datetime.fromtimestamp(line.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return f"{at.removesuffix('+00:00')}Z {plain(line.text)}"


@login_required
@permission_required(LOOK, raise_exception=True)
@require_safe
async def stream(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send the log, the steps and the state as they come: server-sent events, resumed after a line's number."""
    found = await aget_object_or_404(Operation, pk=pk)
    key, account = request.session.session_key or "", (await request.auser()).pk or 0
    seen = number(request.headers.get("Last-Event-ID") or request.GET.get("from"), 0)
    hub = sse.hub()
    if hub.is_full():
        return HttpResponse("Too many pages follow logs live.", status=503, headers={"Retry-After": "5"})
    events = hub.events(found.pk, seen, lambda: sessions.may_go_on(key=key, account=account, right=LOOK))
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)
