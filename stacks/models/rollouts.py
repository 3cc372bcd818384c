"""Rollouts: one change on many machines, one after the other."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from stacks.models.machines import Machine
from stacks.models.operations import Operation


class Rollout(models.Model):
    """A deploy of one version, or a revert of each machine to its own, on many machines in batches.

    The first `canary` machines are the first batch, then `batch` at a time, with `pause` seconds between. A `message`
    tells why it stopped, or how it ended. Every write goes through `stacks.rollouts`.
    """

    class Kind(models.TextChoices):
        """What is done on each machine."""

        DEPLOY = "deploy"
        REVERT = "revert"

    class OnFailure(models.TextChoices):
        """What is done when a machine failed: leave all as it is, or revert those that were changed."""

        STOP = "stop"
        REVERT = "revert"

    class State(models.TextChoices):
        """How far it is; what is stopped waits for somebody who resumes or cancels it."""

        RUNNING = "running"
        STOPPED = "stopped"
        REVERTING = "reverting"
        CANCELLING = "cancelling"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    MOVING = (State.RUNNING, State.REVERTING, State.CANCELLING)
    FINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    kind = models.CharField(max_length=8, choices=Kind)
    version = models.CharField(max_length=64, blank=True)
    canary = models.PositiveIntegerField(default=0)
    batch = models.PositiveIntegerField(default=1)
    pause = models.PositiveIntegerField(default=0)
    on_failure = models.CharField(max_length=8, choices=OnFailure, default=OnFailure.STOP)
    mark_bad = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    message = models.TextField(blank=True)
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="rollout_deploy_has_version",
                condition=Q(kind="deploy") & ~Q(version="") | Q(kind="revert", version=""),
            ),
            models.CheckConstraint(
                name="rollout_revert_is_not_reverted", condition=Q(kind="deploy") | Q(on_failure="stop")
            ),
            models.CheckConstraint(name="rollout_deploy_marks_nothing", condition=Q(kind="revert") | Q(mark_bad=False)),
            models.CheckConstraint(name="rollout_batch_of_some", condition=Q(batch__gte=1)),
            models.CheckConstraint(
                name="rollout_finished_has_time",
                condition=Q(state__in=("succeeded", "failed", "cancelled"), finished_at__isnull=False)
                | Q(state__in=("running", "stopped", "reverting", "cancelling"), finished_at__isnull=True),
            ),
        )
        indexes = (models.Index(name="rollout_by_state", fields=("state",)),)

    def __str__(self) -> str:
        return f"rollout #{self.pk}"

    @property
    def is_final(self) -> bool:
        """Tell whether it has ended."""
        return self.state in self.FINAL

    @property
    def is_moving(self) -> bool:
        """Tell whether it goes on by itself."""
        return self.state in self.MOVING


class RolloutTarget(models.Model):
    """One machine of a rollout: its place in the order, its batch, and the operations that were submitted for it.

    `version` is what becomes active there. A target is kept where another version became active before the revert.
    `manifest` is the digest of the build that was asked for, "" for a revert and where it was not on record.
    `begun_at` is when the operation that it waits for was submitted, by the database's clock.
    """

    class State(models.TextChoices):
        """How far one machine is."""

        WAITING = "waiting"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"
        REVERTING = "reverting"
        REVERTED = "reverted"
        KEPT = "kept"

    BUSY = (State.RUNNING, State.REVERTING)

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="targets")
    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="rollout_targets")
    order = models.PositiveIntegerField()
    batch = models.PositiveIntegerField()
    version = models.CharField(max_length=64)
    manifest = models.CharField(max_length=64, blank=True, default="", db_default="")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    operation = models.OneToOneField(
        Operation, null=True, blank=True, on_delete=models.RESTRICT, related_name="rollout_target"
    )
    revert_operation = models.OneToOneField(
        Operation, null=True, blank=True, on_delete=models.RESTRICT, related_name="reverted_target"
    )
    message = models.TextField(blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("rollout", "order")
        constraints = (
            models.UniqueConstraint(name="rollout_target_machine_once", fields=("rollout", "machine")),
            models.UniqueConstraint(name="rollout_target_order_once", fields=("rollout", "order")),
            # Of two rollouts that wait for the same machine, the later would undo the earlier.
            models.UniqueConstraint(
                name="rollout_target_waits_once", fields=("machine",), condition=Q(state="waiting")
            ),
            models.CheckConstraint(
                name="rollout_target_has_operation",
                condition=Q(operation__isnull=False) | Q(state__in=("waiting", "failed", "skipped")),
            ),
            models.CheckConstraint(
                name="rollout_target_has_revert",
                condition=Q(revert_operation__isnull=False) | ~Q(state__in=("reverting", "reverted")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.machine} in {self.rollout}"
