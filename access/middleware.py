"""Around every request: where it came from, sessions that are over, and refusals that are kept on record."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from access import origin, sessions, strangers
from access.models import AuditEntry

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REFUSALS = frozenset({400, 401, 403, 405, 409, 429})
logger = logging.getLogger(__name__)
Answer = Callable[[HttpRequest], HttpResponseBase]


class KeepOrigin:
    """Middleware that knows where a request came from while it is answered, and records those that were refused."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; of what would have changed something, a refusal goes on record."""
        origin.begin(request)
        try:
            response = self._get_response(request)
            if request.method not in SAFE and _is_refusal(response):
                _note(request, response)
            return response
        finally:
            origin.end()


class EndOldSessions:
    """Middleware that signs out who was idle for too long, or signed in too long ago."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """End the session that is over, or note that it is used; then answer."""
        if SESSION_KEY in request.session:
            if sessions.has_ended(request.session):
                logout(request)
                messages.info(request, "You were signed out: the session was too old, or not used for too long.")
            elif _is_somebody(request):
                sessions.use(request.session)
        return self._get_response(request)


def _note(request: HttpRequest, response: HttpResponseBase) -> None:
    said = f"{request.method} {request.path[:200]} was refused ({response.status_code})."
    try:
        strangers.record(AuditEntry.Kind.REFUSED, said, by=getattr(request, "user", None))
    except DatabaseError:  # the refusal stands, whatever becomes of its record
        logger.exception("Not on the audit trail: %s", said)


def _is_somebody(request: HttpRequest) -> bool:
    """Tell whether a person is there: a page that renews itself, or follows a log, keeps no session alive."""
    asks_for_page = "text/html" in request.headers.get("Accept", "") and "HX-Request" not in request.headers
    return request.method not in SAFE or asks_for_page


def _is_refusal(response: HttpResponseBase) -> bool:
    where = response.headers.get("Location", "")
    to_sign_in = response.status_code == 302 and where.startswith(f"{settings.LOGIN_URL}?")
    return response.status_code in REFUSALS or to_sign_in
