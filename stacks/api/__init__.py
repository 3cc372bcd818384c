"""The API for programs: JSON over HTTP, signed in to by a token, and nothing that its owner's role does not allow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from stacks.api import changing, joining, reading, rolling
from stacks.api.tokens import Bearer
from stacks.engine.errors import EngineError

# Without ninja's page of documentation, whose scripts are not ours; `openapi.json` is for who is signed in.
api = NinjaAPI(
    title="DLStack", version="1", urls_namespace="api", auth=Bearer(), docs_url=None, docs_decorator=require_safe
)
api.add_router("", reading.router)
api.add_router("", changing.router)
api.add_router("", rolling.router)
api.add_router("", joining.router)


@api.exception_handler(EngineError)
@api.exception_handler(OSError)
def _refused(request: HttpRequest, refusal: Exception) -> HttpResponse:
    return api.create_response(request, {"detail": str(refusal)}, status=409)


@api.exception_handler(PermissionDenied)
def _not_allowed(request: HttpRequest, refusal: Exception) -> HttpResponse:
    return api.create_response(request, {"detail": str(refusal)}, status=403)


def _open_to_tokens(made: Any) -> Any:
    """Tell Django that a session is not what these ask for: each of them asks for a token itself."""
    for route in made[0]:
        if route.name not in ("api-root", "openapi-json"):
            login_not_required(route.callback)
    return made


urls = _open_to_tokens(api.urls)
