"""Freeze windows: when nothing is deployed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q

from stacks.models.machines import Machine


class FreezeWindow(models.Model):
    """A time, once or every week, in which nothing is deployed on a machine, or on any where none is named.

    Once it is from `starts_at` to `ends_at`; weekly from one day and time to another by the clocks of `time_zone`.
    `lifted_until` is the end of the time that somebody lifted. Every write goes through `stacks.windows`.
    """

    class Day(models.IntegerChoices):
        """Days of the week, as Python counts them."""

        MONDAY = 0, "Mon"
        TUESDAY = 1, "Tue"
        WEDNESDAY = 2, "Wed"
        THURSDAY = 3, "Thu"
        FRIDAY = 4, "Fri"
        SATURDAY = 5, "Sat"
        SUNDAY = 6, "Sun"

    name = models.CharField(max_length=60)
    machine = models.ForeignKey(Machine, null=True, blank=True, on_delete=models.CASCADE, related_name="freeze_windows")
    reason = models.CharField(max_length=500)
    time_zone = models.CharField(max_length=64, default="UTC")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    from_day = models.PositiveSmallIntegerField(null=True, blank=True, choices=Day)
    from_time = models.TimeField(null=True, blank=True)
    to_day = models.PositiveSmallIntegerField(null=True, blank=True, choices=Day)
    to_time = models.TimeField(null=True, blank=True)
    lifted_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="window_is_once_or_weekly",
                condition=Q(
                    starts_at__isnull=False, ends_at__gt=models.F("starts_at"), from_day=None, from_time=None,
                    to_day=None, to_time=None,
                )
                | Q(
                    starts_at=None, ends_at=None, from_day__range=(0, 6), from_time__isnull=False,
                    to_day__range=(0, 6), to_time__isnull=False,
                ),
            ),
            models.CheckConstraint(name="window_has_reason", condition=~Q(reason="")),
        )  # fmt: skip
        indexes = (models.Index(name="window_by_end", fields=("ends_at",)),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_weekly(self) -> bool:
        """Tell whether it comes again every week."""
        return self.from_day is not None

    @property
    def where(self) -> str:
        """On which machines it holds."""
        return self.machine.name if self.machine else "all machines"

    @property
    def when(self) -> str:
        """When it is open, in words."""
        if self.starts_at is not None and self.ends_at is not None:
            return f"{self._shown(self.starts_at)} – {self._shown(self.ends_at)} {self.time_zone}"
        begins, ends = self.get_from_day_display(), self.get_to_day_display()
        return f"every week, {begins} {self.from_time:%H:%M} – {ends} {self.to_time:%H:%M} {self.time_zone}"

    def _shown(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.time_zone)):%a %d %b %Y, %H:%M}"
