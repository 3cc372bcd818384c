"""Sessions, tokens, tries to sign in, and the audit trail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from access.roles import Role


class Session(AbstractBaseSession):
    """A session that knows whose it is, so that all of somebody's can be ended at once."""

    account = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        verbose_name = "session"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """Name the store that reads and writes these."""
        from access.sessions import SessionStore

        return SessionStore


class Token(models.Model):
    """What a program signs in with: `prefix` finds it, `digest` is the SHA-256 of the whole, which nobody keeps.

    It does what `role` may, and never more than its owner may at that moment.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_from = models.CharField(max_length=45, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} (dls_{self.prefix}…)"


class SignInTry(models.Model):
    """A password that was looked at, or is being: `account` is a digest of the name that was typed."""

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(name="try_by_account", fields=("account", "at")),
            models.Index(name="try_by_address", fields=("address", "at")),
        )

    def __str__(self) -> str:
        return f"{self.account[:8]} at {self.at:%H:%M:%S}"


class AuditEntry(models.Model):
    """One line of the audit trail; the database refuses to change or remove it.

    `digest` is that of the entry with `previous`, the digest of the entry before: an entry that was changed, left out
    or put between breaks the chain. Names are kept as they were, without references: an entry outlives what it names.
    """

    class Kind(models.TextChoices):
        """What an entry is about."""

        SIGN_IN = "sign-in"
        SIGN_OUT = "sign-out"
        SIGN_IN_FAILED = "sign-in-failed"
        THROTTLED = "throttled"
        PROOF = "proof"
        PERSON = "person"
        TOKEN = "token"  # noqa: S105 — a word, not a secret
        REFUSED = "refused"
        OPERATION = "operation"
        CANCEL = "cancel"
        EVENT = "event"
        RECIPE = "recipe"
        LIBRARY = "library"
        SETTINGS = "settings"
        MACHINE = "machine"
        LABEL = "label"
        SCHEDULE = "schedule"
        WINDOW = "window"

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    kind = models.CharField(max_length=16, choices=Kind)
    who = models.CharField(max_length=200)
    account = models.BigIntegerField(null=True)
    channel = models.CharField(max_length=16)
    address = models.CharField(max_length=100, blank=True)
    machine = models.CharField(max_length=63, blank=True)
    operation = models.BigIntegerField(null=True)
    what = models.TextField()
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)
    previous = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64)

    class Meta:
        # Neither flush nor a later migration touches its table, which they could not (migration 0001).
        managed = False
        db_table = "access_auditentry"
        ordering = ("-number",)
        default_permissions = ()
        indexes = (models.Index(name="audit_by_time", fields=("-at",)),)

    def __str__(self) -> str:
        return self.what

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a new entry; a written one cannot be changed (TypeError)."""
        if not self._state.adding:
            raise TypeError("The audit trail is never edited.")
        super().save(*args, **kwargs)
