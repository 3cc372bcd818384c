"""Who a request of the API is from: a token, and nothing else."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security.base import AuthBase

from access import origin, roles, tokens
from access.models import Token


class Bearer(AuthBase):
    """Finds the token in `Authorization: Bearer …`; ninja's own class writes headers that it cannot read into a log."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Token | None:
        """Give the token, None where there is none that opens anything."""
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        token = tokens.find(text.strip()) if kind.lower() == "bearer" else None
        if token is None:
            return None
        request.user = token.user
        tokens.use(token, address=origin.address_of(request))
        who = f"{token.user} (token {token.name}, dls_{token.prefix}…)"
        origin.identify(who=who, account=token.user.pk, channel=origin.API)
        return token


class ApiRequest(HttpRequest):
    """A request as `Bearer` leaves it."""

    auth: Token


def demand(request: ApiRequest, right: str) -> None:
    """Raise PermissionDenied, with the reason, unless both the token and its owner have a right."""
    token = request.auth
    if not tokens.may(token, right):
        own = f" The token is for the role {token.role}." if roles.needed(right) != token.role else ""
        raise PermissionDenied(f"{roles.lacking(token.user, right)}{own}")
