"""Celery's entry point: what is over is removed."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from access import throttle
from access.models import Session


@shared_task(name="access.tasks.tidy")
def tidy() -> None:
    """Remove sessions that are over and tries that count no more."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()
    throttle.forget()
