"""What a page's request carries, and the guards that decide who may ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urljoin

from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from stacks.engine.errors import EngineError

MAY_CHANGE = "stacks.add_operation"
P = ParamSpec("P")


class Request(HttpRequest):
    """A request as the middleware leaves it: with a user and with what htmx said."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[Request, P], HttpResponse]


def viewing(view: View[P]) -> View[P]:
    """Let every signed-in person read a page; what the disk refuses is told."""
    return login_required(require_safe(_refusals_told(view)))


def changing(view: View[P]) -> View[P]:
    """Let those who may submit operations see a form (GET) and send it (POST); a refusal becomes a 409 page."""
    return _guarded(require_http_methods(["GET", "HEAD", "POST"])(_refusals_told(view)))


def commanding(view: View[P]) -> View[P]:
    """Like `changing`, for what is only ever sent (POST)."""
    return _guarded(require_POST(_refusals_told(view, is_page=False)))


def _guarded(view: View[P]) -> View[P]:
    return login_required(permission_required(MAY_CHANGE, raise_exception=True)(view))


def _refusals_told(view: View[P], *, is_page: bool = True) -> View[P]:
    @wraps(view)
    def told(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (EngineError, OSError) as refusal:  # a disk that cannot be read is told too
            # What is only ever sent stands on the page above it.
            again = request.path if is_page else urljoin(request.path.rstrip("/"), ".")
            return render(request, "409.html", {"refusal": refusal, "again": again}, status=409)

    return told
