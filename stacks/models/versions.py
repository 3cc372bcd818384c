"""Versions that were sealed, and the history of which one was active."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from stacks.models.machines import Machine
from stacks.models.recipes import RecipeRevision


class Version(models.Model):
    """What the database knows of one sealed version; the disk has the truth.

    `bytes` is the tree's size, `unique_bytes` what no other version shares, `packages` maps each environment to
    {package: version}, `kernelspecs` lists {name, display_name, language, environment}. While `bad_since` is set the
    version is neither deployed nor reverted to; who marked it and why is written by `stacks.marks`.
    """

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="versions")
    name = models.CharField(max_length=64)
    uuid = models.UUIDField()
    generation = models.PositiveIntegerField()
    recipe_revision = models.ForeignKey(RecipeRevision, null=True, blank=True, on_delete=models.PROTECT)
    operation = models.ForeignKey("Operation", null=True, blank=True, on_delete=models.SET_NULL, related_name="made")
    files = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    unique_bytes = models.PositiveBigIntegerField()
    manifest_digest = models.CharField(max_length=64)
    packages: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    kernelspecs: models.JSONField[list[Any], list[Any]] = models.JSONField(default=list)
    options: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    lockfile = models.TextField(blank=True)
    note = models.CharField(max_length=500, blank=True)
    pinned = models.BooleanField(default=False)
    sealed_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    bad_since = models.DateTimeField(null=True, blank=True)
    bad_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    bad_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("machine", "-generation")
        constraints = (
            models.UniqueConstraint(name="version_generation_once", fields=("machine", "generation")),
            models.UniqueConstraint(name="version_uuid_once", fields=("machine", "uuid")),
            models.UniqueConstraint(
                name="version_name_once", fields=("machine", "name"), condition=Q(removed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="version_bad_has_reason",
                condition=Q(bad_since__isnull=True, bad_reason="", bad_by__isnull=True)
                | Q(bad_since__isnull=False) & ~Q(bad_reason=""),
            ),
        )

        # The same version on other machines is found by the first two; the last is all that a list of names needs.
        indexes = (
            models.Index(name="version_by_manifest", fields=("manifest_digest",)),
            models.Index(name="version_by_uuid", fields=("uuid",)),
            models.Index(name="version_names", fields=("name", "sealed_at"), condition=Q(removed_at__isnull=True)),
        )

    def __str__(self) -> str:
        return self.name


class Activation(models.Model):
    """One change of what is active: who made which version active, when, why, by which operation.

    `healthy` is None until the version was confirmed after the link moved; only healthy ones are offered for revert.
    `returns_to` is what a revert from here leads to, kept by `stacks.activations`.
    """

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="activations")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="activations")
    operation = models.OneToOneField("Operation", null=True, blank=True, on_delete=models.SET_NULL)
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    activated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    healthy = models.BooleanField(null=True)
    returns_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("machine", "-id")
        constraints = (
            models.UniqueConstraint(
                name="activation_one_current", fields=("machine",), condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                name="activation_ends_after_start",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("activated_at")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.version} on {self.machine}"
