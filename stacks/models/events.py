"""What people did beside operations: an append-only record."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from stacks.models.machines import Machine


class Event(models.Model):
    """One thing that somebody did to a machine without an operation; written once, by `stacks.events`.

    `text` is a sentence that holds what it was about and why.
    """

    class Kind(models.TextChoices):
        """What was done."""

        FREEZE = "freeze"
        UNFREEZE = "unfreeze"
        MARK_BAD = "mark-bad"
        CLEAR = "clear"

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind)
    text = models.CharField(max_length=1000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(name="event_by_machine", fields=("machine", "-at")),
            models.Index(name="event_by_time", fields=("-at",)),
        )

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a new event; a written one cannot be changed (TypeError)."""
        if self.pk is not None:
            raise TypeError("An event is never edited: note a new one.")
        super().save(*args, **kwargs)
