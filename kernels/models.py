"""What the database records of kernels: what checks found, what was there, and who edited the library."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from stacks.models import Machine, Operation


class Depth(models.TextChoices):
    """How deep a check goes: the files, the interpreter, the start."""

    STATIC = "static", "Files only"
    INTERPRETER = "interpreter", "Load what it needs"
    LAUNCH = "launch", "Start the kernel"


class KernelCheck(models.Model):
    """What one check of one kernel found; written once.

    `version` names what was checked, `live` says whether through the live path; `seconds` is how long it took, or until
    the kernel was ready; `code` is the engine's stable name of the cause.
    """

    class State(models.TextChoices):
        """What a check comes to."""

        OK = "ok"
        FAILED = "failed"

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="kernel_checks")
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.SET_NULL, related_name="kernel_checks"
    )
    version = models.CharField(max_length=70, blank=True)
    live = models.BooleanField(default=False)
    name = models.CharField(max_length=255)
    environment = models.CharField(max_length=255, blank=True)
    depth = models.CharField(max_length=16, choices=Depth)
    state = models.CharField(max_length=8, choices=State)
    code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    output = models.TextField(blank=True)
    seconds = models.FloatField(default=0)
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(name="kernel_check_state_known", condition=Q(state__in=("ok", "failed"))),
            models.CheckConstraint(
                name="kernel_check_failed_has_code",
                condition=Q(state="ok", code="") | (Q(state="failed") & ~Q(code="")),
            ),
            models.CheckConstraint(
                name="kernel_check_depth_known", condition=Q(depth__in=("static", "interpreter", "launch"))
            ),
        )
        indexes = (
            models.Index(
                name="kernel_check_latest", fields=("machine", "version", "environment", "name", "depth", "id")
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.depth}: {self.state}"


class Inventory(models.Model):
    """The kernels of a tree and of the library as a worker saw them last: documents of `stacks.engine.kernels`."""

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="inventories")
    version = models.CharField(max_length=70, blank=True)
    live = models.BooleanField(default=False)
    taken_at = models.DateTimeField()
    kernels: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    library: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)

    class Meta:
        ordering = ("machine", "-taken_at")
        verbose_name_plural = "inventories"
        constraints = (models.UniqueConstraint(name="inventory_once", fields=("machine", "version", "live")),)

    def __str__(self) -> str:
        return f"{self.version} on {self.machine}"


class LibraryEdit(models.Model):
    """One edit of a machine's kernelspec library: who did what to which kernelspec; written once."""

    class Action(models.TextChoices):
        """What was done."""

        ADDED = "added"
        CHANGED = "changed"
        REMOVED = "removed"

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="library_edits")
    kernel = models.CharField(max_length=100)
    action = models.CharField(max_length=8, choices=Action)
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    edited_at = models.DateTimeField(auto_now_add=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="library_edit_action_known", condition=Q(action__in=("added", "changed", "removed"))
            ),
        )
        indexes = (models.Index(name="library_edit_by_kernel", fields=("machine", "kernel", "-id")),)

    def __str__(self) -> str:
        return f"{self.kernel} {self.action}"
