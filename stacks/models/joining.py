"""Invitations of machines to join."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from stacks.models.machines import Machine, name_rule


class Joining(models.Model):
    """One join token: whoever sends its text is given what the machine's workers need, once and until `expires_at`.

    `prefix` finds it, `digest` is of the whole text, which nobody keeps. It makes the machine that it describes, which
    `machine` is then; for one that is here already `machine` is set from the beginning. Written by `stacks.joining`.
    """

    name = models.CharField(max_length=63, validators=[name_rule])
    root = models.CharField(max_length=1000)
    layout = models.CharField(max_length=16, choices=Machine.Layout, default=Machine.Layout.RESIDENT)
    owner = models.CharField(max_length=65, blank=True)
    machine = models.ForeignKey(Machine, null=True, blank=True, on_delete=models.CASCADE, related_name="joinings")
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    used_from = models.CharField(max_length=45, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                name="joining_one_open_per_name", fields=("name",), condition=models.Q(used_at=None, withdrawn_at=None)
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} (dlj_{self.prefix}…)"

    @property
    def is_open(self) -> bool:
        """Tell whether its token still opens anything."""
        return self.used_at is None and self.withdrawn_at is None and self.expires_at > timezone.now()
