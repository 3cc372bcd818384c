"""Requests that no browser of ours sends: a zero character is in no name, and PostgreSQL refuses it."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]


class RefuseZeros:
    """Middleware that answers 404 to an address, and 400 to fields, with a zero character."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or pass the request on."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: object, *_: object) -> None:
        """Look before the view does, where errors become pages."""
        if "\0" in request.path:
            raise Http404(request.path)
        # Programs send no forms: the API reads their bodies itself, which can be done once only.
        sends_form = request.method == "POST" and not getattr(view, "csrf_exempt", False)
        fields = [request.GET, *([request.POST] if sends_form else [])]
        if any("\0" in value for given in fields for _, values in given.lists() for value in values):
            raise BadRequest("A zero character is in no field of a form.")
