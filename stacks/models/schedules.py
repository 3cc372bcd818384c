"""Schedules: what is done again and again without a click."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_celery_beat.models import PeriodicTask

from stacks.models.machines import Machine
from stacks.models.operations import Operation
from stacks.models.rollouts import Rollout

HOUR = 3600


class Schedule(models.Model):
    """What is submitted at certain times for the person who wrote it last.

    When, and whether at all, is told by `task`, a row of beat's. A build is of `recipe`, and with `deploy` what it
    makes is deployed; a deploy is of the newest version of that recipe, on `machine` first and then on those in `to`.
    `next_at` is when it is due next, None while it is paused; `claimed_at` when that was written, `since` from when
    intervals are counted, and `grace` how many seconds late it may begin. `stopped` tells why it stopped by itself.
    Every write goes through `stacks.schedules`.
    """

    class Kind(models.TextChoices):
        """What is submitted; the words are those of operations."""

        BUILD = "build"
        DEPLOY = "deploy"
        BACKUP = "backup"
        VERIFY = "verify"

    OF_RECIPE = (Kind.BUILD, Kind.DEPLOY)

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="schedules")
    recipe = models.CharField(max_length=64, blank=True)
    deploy = models.BooleanField(default=False)
    to = models.ManyToManyField(Machine, blank=True, related_name="+")
    grace = models.PositiveIntegerField(default=HOUR)
    reason = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    task = models.OneToOneField(PeriodicTask, on_delete=models.CASCADE, related_name="scheduled")
    since = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    stopped = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                name="schedule_kind_has_recipe",
                condition=Q(kind__in=("build", "deploy")) & ~Q(recipe="") | Q(kind__in=("backup", "verify"), recipe=""),
            ),
            models.CheckConstraint(name="schedule_build_deploys", condition=Q(kind="build") | Q(deploy=False)),
        )
        indexes = (models.Index(name="schedule_by_next", fields=("next_at",)),)

    def __str__(self) -> str:
        return self.name


class ScheduleRun(models.Model):
    """What came of one time at which a schedule was due, or was run by hand; no time twice."""

    class State(models.TextChoices):
        """Submitted, or why not: nothing was to be done, it was refused, or nobody was there within the grace."""

        SUBMITTED = "submitted"
        SKIPPED = "skipped"
        REFUSED = "refused"
        MISSED = "missed"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=16, choices=State)
    message = models.TextField(blank=True)
    operation = models.ForeignKey(Operation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    rollout = models.ForeignKey(Rollout, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(name="schedule_run_once", fields=("schedule", "due_at")),)
        indexes = (models.Index(name="schedule_run_latest", fields=("schedule", "-id")),)

    def __str__(self) -> str:
        return f"{self.schedule} at {self.due_at:%Y-%m-%d %H:%M:%S}"
