"""One-time links of verbs: to where the pages are."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from access import accounts
from access.roles import PEOPLE
from stacks.embedded import lifecycle
from stacks.management.verb import requester


def add_address(parser: CommandParser) -> None:
    """Declare where a link leads."""
    parser.add_argument("--address", default="", help="where the pages are, such as https://stacks.example.org")


def link_for(user: User, address: str) -> str:
    """Make a one-time link for somebody; raises Refused for a closed account."""
    return accounts.link(user=user, address=address or _usual_address(), by=requester(PEOPLE))


def _usual_address() -> str:
    if settings.DLSTACK.production and settings.DLSTACK.allowed_hosts:
        return f"https://{settings.DLSTACK.allowed_hosts[0]}"
    return lifecycle.web_address() or f"http://{settings.DLSTACK.listen}:{settings.DLSTACK.port}"
