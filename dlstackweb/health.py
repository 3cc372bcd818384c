"""Health endpoints: /livez says that the process answers, /readyz that it can do its work."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@login_not_required
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """Answer 200: the process runs."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and broker answer, else 503 and which one does not."""
    parts = {"database": _answers(_ask_database), "broker": _answers(_ask_broker)}
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Exception:  # whatever it is, the answer is the same: not ready
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_broker() -> None:
    with redis.Redis.from_url(settings.DLSTACK.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()
