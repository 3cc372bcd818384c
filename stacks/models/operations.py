"""Operations: one requested change each, with steps and a log."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from stacks.models.machines import Machine

# How parameters are to be read. Raise it whenever a worker of yesterday would misread what is written today: it then
# refuses the operation instead of running it wrongly.
FORMAT = 1


class Operation(models.Model):
    """One requested change of one machine.

    `parameters` are frozen at submission; `steps` lists {name, title, state, started, finished, line, progress} with
    times in seconds since the epoch; `message` is the outcome in a sentence; `outcome` holds the plan's plain results.
    `format` says how the parameters are to be read, `attempt` names the worker's attempt that claimed the operation.
    `journal_id` is set where the operation was done by the emergency command and imported from the machine's journal.
    Every write goes through `stacks.operations`.
    """

    class Kind(models.TextChoices):
        """What is changed; a new kind is one plan module and one member here."""

        BUILD = "build"
        DEPLOY = "deploy"
        REVERT = "revert"
        RESTORE = "restore"
        BACKUP = "backup"
        VERIFY = "verify"
        REMOVE = "remove"
        PRUNE = "prune"
        DISCARD = "discard"
        SOLVE = "solve"
        COPY = "copy"
        PROVISION = "provision"
        ADOPT = "adopt"
        CONVERT = "convert"
        CONFIGURE = "configure"
        KERNEL_INSTALL = "kernel-install"
        KERNEL_REMOVE = "kernel-remove"
        KERNEL_CHECK = "kernel-check"

    class Lane(models.TextChoices):
        """Builds and live changes never wait for one another (invariant 6)."""

        BUILD = "build"
        LIVE = "live"

    class State(models.TextChoices):
        """States of design §2."""

        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"
        INTERRUPTED = "interrupted"

    UNFINISHED = (State.QUEUED, State.RUNNING)
    FINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED)
    RETRYABLE = (State.FAILED, State.CANCELLED, State.INTERRUPTED)

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=16, choices=Kind)
    lane = models.CharField(max_length=8, choices=Lane)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    parameters: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    format = models.PositiveSmallIntegerField(default=FORMAT, db_default=1)
    attempt = models.CharField(max_length=32, blank=True, default="", db_default="")
    steps: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    outcome: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    message = models.TextField(blank=True)
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    log_lines = models.PositiveIntegerField(default=0)
    journal_id = models.CharField(max_length=64, null=True, blank=True, unique=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="operation_one_per_lane",
                fields=("machine", "lane"),
                condition=Q(state__in=("queued", "running")),
            ),
            models.CheckConstraint(
                name="operation_finished_has_time",
                condition=Q(state__in=("queued", "running"), finished_at__isnull=True)
                | Q(state__in=("succeeded", "failed", "cancelled", "interrupted"), finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="operation_running_has_start",
                condition=~Q(state="running") | Q(started_at__isnull=False, heartbeat_at__isnull=False),
            ),
            models.CheckConstraint(
                name="operation_ends_after_start",
                condition=Q(finished_at__isnull=True)
                | Q(started_at__isnull=True)
                | Q(finished_at__gte=F("started_at")),
            ),
        )
        # By state: pages, sweeper and reaper ask for the few unfinished ones among all. The last three also hold what
        # lists narrow by, so that rows which are passed over are not read.
        indexes = (
            models.Index(name="operation_by_machine", fields=("machine", "-id")),
            models.Index(name="operation_by_kind", fields=("machine", "kind", "-id")),
            models.Index(name="operation_by_state", fields=("state", "machine", "kind", "requested_by")),
            models.Index(name="operation_by_time", fields=("-created_at", "kind", "machine", "requested_by")),
            models.Index(name="operation_listed", fields=("-id", "state", "machine", "kind", "requested_by")),
        )

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def is_final(self) -> bool:
        """Tell whether the operation has ended."""
        return self.state in self.FINAL


class LogChunk(models.Model):
    """Consecutive lines of an operation's log: `lines` of them from `first_line` (counted from 1).

    `data` is zlib-compressed JSON lines, one per log line: [time in ms since the epoch, kind, step, text].
    `errors` is how many of the lines `stacks.logs` takes for errors; None where nobody counted.
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="log_chunks")
    first_line = models.PositiveIntegerField()
    lines = models.PositiveIntegerField()
    errors = models.PositiveIntegerField(null=True)
    data = models.BinaryField()

    class Meta:
        ordering = ("operation", "first_line")
        constraints = (models.UniqueConstraint(name="log_chunk_once", fields=("operation", "first_line")),)

    def __str__(self) -> str:
        return f"{self.operation_id}:{self.first_line}+{self.lines}"
