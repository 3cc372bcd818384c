"""The app of people: roles, sign-in, tokens, and the audit trail."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.http import HttpRequest


class AccessConfig(AppConfig):
    """Application configuration."""

    name = "access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the roles after each migration, and record who signs in and out."""
        from django.contrib.auth.signals import user_logged_in, user_logged_out
        from django.db.models.signals import post_migrate

        from access import roles

        post_migrate.connect(roles.install, sender=self, dispatch_uid="access.roles")
        user_logged_in.connect(_signed_in, dispatch_uid="access.sign-in")
        user_logged_out.connect(_signed_out, dispatch_uid="access.sign-out")


def _signed_in(sender: object, *, request: HttpRequest, user: Any, **_: Any) -> None:
    from access import audit, sessions
    from access.models import AuditEntry

    sessions.begin(request.session)
    how = "a one-time link" if "sesame" in getattr(user, "backend", "") else "the password"
    audit.record(AuditEntry.Kind.SIGN_IN, f"{user} signed in by {how}.", by=user)


def _signed_out(sender: object, *, request: HttpRequest, user: Any, **_: Any) -> None:
    from access import audit
    from access.models import AuditEntry

    if user is not None:  # a session that belonged to nobody is ended too
        audit.record(AuditEntry.Kind.SIGN_OUT, f"{user} signed out.", by=user)
