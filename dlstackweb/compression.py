"""What is sent is compressed where that is safe and worth it (docs/adr/0016)."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class Compression(GZipMiddleware):
    """GZip for pages and static files; what is sent bit by bit (event streams, logs) or in part goes as it is."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress an answer, or leave it."""
        # Django compresses each piece of an asynchronous answer for itself, and browsers read the first one only.
        if response.streaming and (response.is_async or response.status_code != 200):  # type: ignore[attr-defined]
            return response
        return super().process_response(request, response)
