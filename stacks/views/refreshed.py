"""Parts of pages that renew themselves: nothing is sent, and so nothing moves, while nothing has changed."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from stacks.http import Request

# The text of relative times, which the reader's script renews by itself.
_PASSING = re.compile(r"(<(?:time|span data-since)\b[^>]*>)[^<]*")


def respond(request: Request, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """Answer with the whole page, or for htmx with the part alone: 204 when it is the one that the reader has."""
    live, mark = living(request, part, context, request.path)
    if request.htmx and request.GET.get("seen") == mark:
        return HttpResponse(status=204)
    return render(request, "_live.html" if request.htmx else page, {**context, "live": live})


def living(request: Request, part: str, context: dict[str, Any], path: str) -> tuple[dict[str, str], str]:
    """Render a part that renews itself from `path`, and give it with the mark by which it is known again."""
    inner = render_to_string(part, context, request)
    mark = hashlib.sha256(_PASSING.sub(r"\1", inner).encode()).hexdigest()[:16]
    asked = request.GET.copy()
    asked["seen"] = mark
    return {"html": mark_safe(inner), "url": f"{path}?{asked.urlencode()}"}, mark  # noqa: S308  # rendered just above
