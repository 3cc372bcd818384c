"""The store of sessions, and how long one lasts: until its hours are over, it is idle, or its owner ends them all."""

from __future__ import annotations

import time
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from access.models import Session

SIGNED_IN, SEEN, PROVED = "signed_in_at", "seen_at", "proved_at"
NOTED_EVERY = 60  # seconds between two writes of when a session was last used


class SessionStore(DatabaseStore):
    """Keeps whose a session is in a column of its own."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Name the model."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Make the row of a session."""
        row = cast("Session", super().create_model_instance(data))
        row.account = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        return row


def begin(session: SessionBase) -> None:
    """Note that somebody has just signed in, which proves who they are."""
    now = int(time.time())
    session.update({SIGNED_IN: now, SEEN: now, PROVED: now})


def has_ended(session: SessionBase) -> bool:
    """Tell whether a session is too old, or was idle for too long."""
    now, hours = time.time(), settings.DLSTACK
    age, idle = now - session.get(SIGNED_IN, 0), now - session.get(SEEN, 0)
    return bool(age > hours.session_hours * 3600 or idle > hours.session_idle_hours * 3600)


def use(session: SessionBase) -> None:
    """Note that somebody is here, once in a while."""
    now = int(time.time())
    if now - session.get(SEEN, 0) >= NOTED_EVERY:
        session[SEEN] = now


def end_all(user: User) -> int:
    """Sign somebody out everywhere; gives how many sessions that were."""
    ended, _ = Session.objects.filter(account=user.pk).delete()
    return ended


def count(user: User) -> int:
    """Count in how many browsers somebody is signed in."""
    return Session.objects.filter(account=user.pk, expire_date__gt=timezone.now()).count()


def may_go_on(*, key: str, account: int, right: str) -> bool:
    """Tell whether a page that stays open may still be told things: signed in, and with the right."""
    if not Session.objects.filter(session_key=key, account=account, expire_date__gt=timezone.now()).exists():
        return False
    user = User.objects.filter(pk=account, is_active=True).first()
    return user is not None and user.has_perm(right)
