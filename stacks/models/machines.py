"""Machines: where stacks live."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

from stacks.engine.errors import Refused
from stacks.engine.remote import parse

name_rule = RegexValidator(r"\A[a-z0-9][a-z0-9-]{0,62}\Z", "Lower-case letters, digits and hyphens, 63 at most.")


def address_rule(text: str) -> None:
    """Raise ValidationError for what ssh could read as anything else than a host, a user and a port."""
    try:
        parse(text)
    except Refused as refusal:
        raise ValidationError(str(refusal)) from None


class Machine(models.Model):
    """One notebook server, with one root.

    `generation` counts the versions ever made here; `observed` is the last status document that its worker read
    from the disk (`stacks.engine.status`), `observed_at` when. Every `backup_every` hours, 0 for never, what users
    changed in the active tree is backed up. With `public_releases` anybody may read what changed in its software. While
    `frozen_since` is set nothing is deployed; who froze it and why is written by `stacks.marks`. `address` is where
    other machines reach it by ssh to copy its versions, "" for nowhere; `copy_limit` is how fast it takes those of
    others itself, in KiB a second, 0 for no bound. Since `awaited_since`, when it joined or was renamed, its workers
    are to answer under this name; null for one that never joined.
    """

    class Layout(models.TextChoices):
        """How the ramdisk holds trees (design §5)."""

        RESIDENT = "resident"
        IN_PLACE = "in-place"

    class Strategy(models.TextChoices):
        """How a build gets to see its tree at the live path (design §7)."""

        SANDBOX = "sandbox"
        REPOINT = "repoint"
        IN_PRODUCTION = "in-production"
        PREFIX = "prefix"

    name = models.CharField(max_length=63, unique=True, validators=[name_rule])
    root = models.CharField(max_length=1000)
    layout = models.CharField(max_length=16, choices=Layout, default=Layout.RESIDENT)
    strategy = models.CharField(max_length=16, choices=Strategy, default=Strategy.SANDBOX)
    owner = models.CharField(max_length=65, blank=True, help_text="user, uid or uid:gid; empty: the worker's own user")
    backup_every = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(24 * 31)])
    public_releases = models.BooleanField(default=False)
    address = models.CharField(max_length=300, blank=True, default="", db_default="", validators=[address_rule])
    copy_limit = models.PositiveIntegerField(default=0, db_default=0, validators=[MaxValueValidator(100_000_000)])
    generation = models.PositiveIntegerField(default=0)
    observed: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, blank=True)
    observed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    awaited_since = models.DateTimeField(null=True, blank=True)
    frozen_since = models.DateTimeField(null=True, blank=True)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    frozen_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(name="machine_root_is_absolute", condition=models.Q(root__startswith="/")),
            models.CheckConstraint(name="machine_address_no_option", condition=~models.Q(address__startswith="-")),
            models.CheckConstraint(
                name="machine_layout_known", condition=models.Q(layout__in=("resident", "in-place"))
            ),
            models.CheckConstraint(
                name="machine_frozen_has_reason",
                condition=models.Q(frozen_since__isnull=True, frozen_reason="", frozen_by__isnull=True)
                | models.Q(frozen_since__isnull=False) & ~models.Q(frozen_reason=""),
            ),
        )

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """What was last heard of the worker of one lane of a machine; written by `stacks.presence`.

    `clock_ahead` is how many seconds its clock is ahead of the database's, `schema` the database that its code was
    written for, `version` which program it is (`stacks.program`; "" of one that does not tell), and `facts` what its
    machine is (`stacks.engine.facts`; null where it was not told).
    """

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="workers")
    lane = models.CharField(max_length=8)
    heard_at = models.DateTimeField()
    clock_ahead = models.FloatField(default=0.0)
    schema = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=60, blank=True, default="", db_default="")
    facts: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(name="worker_one_per_lane", fields=("machine", "lane")),)

    def __str__(self) -> str:
        return f"{self.lane}@{self.machine}"
