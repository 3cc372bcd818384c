"""What every answer tells browsers beside what Django and django-csp tell them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

NOTHING = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
        "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip
HEADERS = {
    "Permissions-Policy": NOTHING,
    "Cross-Origin-Resource-Policy": "same-origin",
    # What is on a page may have changed since, and is nobody else's: no cache keeps it.
    "Cache-Control": "private, no-cache",
}


class TellBrowsers:
    """Middleware that adds the headers above where a view has not chosen its own."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        response = self._get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
