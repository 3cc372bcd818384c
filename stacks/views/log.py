"""An operation's log: ranges of lines, the whole as text, and the live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import aget_object_or_404, get_object_or_404
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from stacks import live, sse
from stacks.http import Request, viewing
from stacks.loghtml import render_lines
from stacks.logs import plain, read_lines
from stacks.models import Operation

MOST = 2000


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


@login_required
@require_safe
async def raw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give the whole log as a text file, without colours."""
    found = await aget_object_or_404(Operation.objects.select_related("machine"), pk=pk)
    name = slugify(f"{found.machine} {live.operation_title(found)} {found.pk}")
    headers = {"Content-Disposition": f'attachment; filename="{name}.log"'}
    return StreamingHttpResponse(_text(found), content_type="text/plain; charset=utf-8", headers=headers)


async def _text(operation: Operation) -> AsyncIterator[bytes]:
    position = 0
    while lines := await sync_to_async(read_lines)(operation, position + 1, position + MOST):
        yield "".join(f"{plain(line.text)}\n" for line in lines).encode()
        position = lines[-1].n


@login_required
@require_safe
async def stream(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send the log, the steps and the state as they come: server-sent events, resumed after a line's number."""
    found = await aget_object_or_404(Operation, pk=pk)
    user_id = (await request.auser()).pk
    seen = number(request.headers.get("Last-Event-ID") or request.GET.get("from"), 0)
    hub = sse.hub()
    if hub.is_full():
        return HttpResponse("Too many pages follow logs live.", status=503, headers={"Retry-After": "5"})
    events = hub.events(found.pk, seen, lambda: User.objects.filter(pk=user_id or 0, is_active=True).exists())
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)
