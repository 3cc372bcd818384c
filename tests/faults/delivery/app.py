"""A worker application like the product's whose task carries out the plans of `plan`; times may be shortened."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta

import django
from celery import Celery

import tests.faults.delivery.clock  # noqa: F401 — the process may have a clock of its own

django.setup()

from stacks import running, worker  # noqa: E402
from stacks.operations import silence, upkeep  # noqa: E402
from stacks.running import patience, pulse  # noqa: E402
from tests.faults.delivery import plan  # noqa: E402

# How many times faster than in earnest upkeep comes round, and how many times sooner patience ends.
HASTE, IMPATIENCE = (float(os.environ.get(name, "1")) for name in ("HASTE", "IMPATIENCE"))
VISIBILITY = "VISIBILITY"  # the broker's visibility timeout, in seconds


def _end_with(parent: int) -> None:
    """End this process when that which started it is gone, whatever ended it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(os.EX_TEMPFAIL)


threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
app = Celery("delivery")
app.config_from_object("django.conf:settings", namespace="CELERY")
if os.environ.get(VISIBILITY):
    timeout = {"visibility_timeout": float(os.environ[VISIBILITY])}
    app.conf.update(broker_transport_options=app.conf.broker_transport_options | timeout)

worker.PERIOD /= HASTE
worker.LOOK /= HASTE
upkeep.RING_AFTER = timedelta(seconds=upkeep.RING_AFTER.total_seconds() / HASTE)
worker.DEAF_AFTER /= IMPATIENCE
pulse.BEAT /= IMPATIENCE
patience.PATIENCE /= IMPATIENCE
silence.GAP /= IMPATIENCE
upkeep.SILENT_AFTER /= IMPATIENCE


@app.task(name="stacks.tasks.run")
def run(operation_id: int) -> None:
    running.run(operation_id, plan_for=plan.plan_for, is_stopping=worker.is_stopping)
