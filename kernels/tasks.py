"""What beat asks for on schedule."""

from __future__ import annotations

import contextlib

from celery import shared_task

from kernels import requests
from stacks.engine.errors import Refused
from stacks.models import Machine


@shared_task(name="kernels.tasks.check")
def check() -> None:
    """Ask each machine for a check of what is live there; nothing happens while another operation is in its lane."""
    for machine in Machine.objects.all():
        with contextlib.suppress(Refused):
            requests.check(machine=machine, requested_by=None)
