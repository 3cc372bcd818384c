"""From where the running code was asked: by whom, through what, from which address."""

from __future__ import annotations

import getpass
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest

PAGE, API, COMMAND, WORKER = "page", "api", "command line", "worker"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from; `who` names who asked where that is no account."""

    channel: str
    address: str = ""
    who: str = ""
    account: int | None = None


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


class _Process:
    """What holds where no request is answered."""

    channel = COMMAND


def become_worker() -> None:
    """Tell that this process carries out operations, and is nobody's command line."""
    _Process.channel = WORKER


def current() -> Origin:
    """Give the origin of what runs now: that of the request, or this process's own."""
    return _current.get() or Origin(_Process.channel, who=_typed_by())


def begin(request: HttpRequest, channel: str = PAGE) -> None:
    """Remember a request's origin for all that is done to answer it."""
    _current.set(Origin(channel, address_of(request)))


def identify(*, who: str, account: int, channel: str) -> None:
    """Add who is asking, once that is known."""
    _current.set(replace(current(), who=who, account=account, channel=channel))


def end() -> None:
    """Forget the origin: the request is answered."""
    _current.set(None)


def address_of(request: HttpRequest) -> str:
    """Give the address of who asked, as the outermost of our own proxies saw it.

    Behind N proxies of ours the N-th entry from the right of X-Forwarded-For is what a proxy of ours wrote; all before
    it may be made up. A request that came past the proxies has too few: then it is told by its own address.
    """
    own = str(request.META.get("REMOTE_ADDR") or "")
    proxies: int = settings.DLSTACK.own_proxies
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return (seen[-proxies] if 0 < proxies <= len(seen) else own)[:45]


def _typed_by() -> str:
    if _Process.channel == WORKER:
        return f"the worker of {settings.DLSTACK.machine}"
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an account
        return ""
