"""Asking a control plane, as a machine that joins it: over TLS, with the token in a header, to one address only."""

from __future__ import annotations

import json
import ssl
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from stacks.engine.errors import Refused

LONGEST = 1024 * 1024  # bytes of an answer
PATIENCE = 30  # seconds


class Site:
    """A control plane at an address; `authority` is a file with the certificate that vouches for it, "" the system's.

    Raises Refused for an address to which a token must not be sent.
    """

    def __init__(self, address: str, authority: str = "") -> None:
        parts = urlsplit(address)
        local = _is_loopback(parts.hostname or "")
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
            raise Refused("Give the address of the pages, such as https://stacks.example.org, and no token in it.")
        if parts.scheme == "http" and not local:
            raise Refused(f"http://{parts.netloc} would carry the token and passwords in the clear: use https.")
        self._address = f"{address.rstrip('/')}/api/v1/join"
        # A proxy would see what is not encrypted.
        proxies = ProxyHandler({}) if parts.scheme == "http" else ProxyHandler()
        self._open = build_opener(HTTPSHandler(context=_trusting(authority)), proxies, _Staying()).open

    def ask(self, token: str, *, look: bool) -> dict[str, Any]:
        """Send the token; with `look` it is not used. Raises Refused with what the site says, or why not."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        asked = Request(self._address, json.dumps({"look": look}).encode(), headers, method="POST")  # noqa: S310 — checked above
        try:
            with self._open(asked, timeout=PATIENCE) as answer:
                return self._read(answer.read(LONGEST))
        except HTTPError as error:
            with error:
                raise Refused(self._refusal(error)) from None
        except (OSError, ValueError) as error:  # URLError is one
            why = error.reason if isinstance(error, URLError) else error
            rest = "" if look else " Whether the token was used stands on its page."
            raise Refused(f"{self._address} does not answer: {why}{rest}") from None

    def _read(self, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(f"What answers at {self._address} is no DLStack: check the address.")
        return found

    def _refusal(self, error: HTTPError) -> str:
        if 300 <= error.code < 400:
            return f"{self._address} leads elsewhere: give the address at which the pages are themselves."
        if error.code == 401:
            return "The token opens nothing there: copy the whole command again, or make a new one on the page."
        try:
            return str(json.loads(error.read(LONGEST))["detail"])
        except (OSError, ValueError, TypeError, KeyError):
            return f"{self._address} answers {error.code}: is it the address of a DLStack?"


class _Staying(HTTPRedirectHandler):
    """Follows nothing: the token would go along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Give no request in the place of the one that was sent."""


def _trusting(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"{authority} is no file of certificates: {error}") from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
