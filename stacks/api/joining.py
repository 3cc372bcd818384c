"""What a machine asks when it joins: with a join token, and nothing else, it is given what its workers need.

No browser sends that token by itself, so that there is nothing for another site to forge (no CSRF token is asked for).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.views.decorators.cache import never_cache
from ninja import Router
from ninja.decorators import decorate_view
from ninja.errors import HttpError
from ninja.security.base import AuthBase

from access import credentials, origin, throttle
from stacks import joining
from stacks.api.schemas import Join
from stacks.models import Joining


class JoinToken(AuthBase):
    """Finds the join token in `Authorization: Bearer dlj_…`; tries are counted as those to sign in are."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Joining | None:
        """Give the token, None where it is none; raises PermissionDenied for one that came in the clear."""
        _refuse_in_the_clear(request)
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        text = text.strip() if kind.lower() == "bearer" else ""
        # By its prefix: nobody's wrong tries use up those of a token that is good.
        asked = {"account": f"join {credentials.prefix_of(text, joining.MARK)}", "address": origin.address_of(request)}
        admission = throttle.ask(**asked)
        if not admission.granted:
            raise HttpError(429, f"Too many tries to join: wait {admission.minutes} minutes.")
        found = joining.find(text)
        if found is not None:
            throttle.succeeded(**asked)
            who = f"{found.created_by} (join token dlj_{found.prefix}…)"
            origin.identify(who=who, account=found.created_by.pk, channel=origin.API)
        return found


class JoinRequest(HttpRequest):
    """A request as `JoinToken` leaves it."""

    auth: Joining


router = Router(auth=JoinToken())


@router.post("/join", summary="Join as a machine")
@decorate_view(never_cache)
def join(request: JoinRequest, asked: Join) -> dict[str, Any]:
    """Tell what the machine is to be; unless it only looks, use the token and give the variables of its workers."""
    told = joining.told(request.auth)
    if asked.look:
        return told
    return {**told, "variables": joining.use(request.auth, address=origin.address_of(request))}


def _refuse_in_the_clear(request: HttpRequest) -> None:
    if not request.is_secure() and not _is_loopback(origin.address_of(request)):
        raise PermissionDenied(
            "This came without TLS, so others may have read the token: withdraw it, make another, and join by https."
        )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
