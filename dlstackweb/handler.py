"""How the web server answers: all of a request's middleware and its view in one go, on one thread (docs/adr/0031)."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThread(ASGIHandler):
    """Django's handler, but for the changes of threads between a request's parts.

    An asynchronous view is run by the event loop all the same, and what it streams is sent from there.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """Chain the middleware as for a synchronous server, whatever is asked."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer on the thread of this request."""
        return await sync_to_async(self.get_response)(request)
