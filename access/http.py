"""What a page's request carries, and the guards that decide who may ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, Protocol
from urllib.parse import urljoin

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from access import proof, roles
from access.proof import ProofNeeded, Proved
from stacks.engine.errors import EngineError

P = ParamSpec("P")


class Request(HttpRequest):
    """A request as the middleware leaves it: with a user and with what htmx said."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[Request, P], HttpResponse]


class Guard(Protocol):
    """A decorator of views that lets some people in; what is refused is told on a page of its own (409)."""

    def __call__(self, view: View[P], /) -> View[P]:
        """Guard a view."""


def reading(right: str) -> Guard:
    """Let those who have a right read a page (GET)."""
    return partial(_guarded, right, require_safe)


def asking(right: str) -> Guard:
    """Let those who have a right see a form (GET) and send it (POST)."""
    return partial(_guarded, right, require_http_methods(["GET", "HEAD", "POST"]))


def sending(right: str) -> Guard:
    """Like `asking`, for what is only ever sent (POST)."""
    return partial(_guarded, right, require_POST, is_page=False)


def demand(request: Request, right: str) -> None:
    """Raise PermissionDenied, with the reason, unless somebody has a right: for what a view learns on its way."""
    if not request.user.has_perm(right):
        raise PermissionDenied(roles.lacking(request.user, right))


def _guarded(right: str, methods: Callable[[Any], Any], view: View[P], *, is_page: bool = True) -> View[P]:
    told = methods(_refusals_told(view, is_page=is_page))

    @wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        demand(request, right)
        answer: HttpResponse = told(request, *args, **kwargs)
        return answer

    return login_required(guarded)


def _refusals_told(view: View[P], *, is_page: bool) -> View[P]:
    @wraps(view)
    def told(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ProofNeeded as needed:
            return proof.ask(request, needed)
        except Proved:
            return redirect(request.get_full_path())
        except (EngineError, OSError) as refusal:  # a disk that cannot be read is told too
            # What is only ever sent stands on the page above it.
            again = request.path if is_page else urljoin(request.path.rstrip("/"), ".")
            return render(request, "409.html", {"refusal": refusal, "again": again}, status=409)

    return told
