"""A worker application like the product's whose task carries out the plans of `plan`; times may be shortened."""

from __future__ import annotations

import os
from datetime import timedelta

import django
from celery import Celery

import tests.faults.delivery.clock  # noqa: F401 — the process may have a clock of its own

django.setup()

from stacks import running, worker  # noqa: E402
from stacks.operations import silence, upkeep  # noqa: E402
from stacks.running import patience, pulse  # noqa: E402
from tests.faults.delivery import plan  # noqa: E402

HASTE = float(os.environ.get("HASTE", "1"))  # how many times faster than in earnest
VISIBILITY = "VISIBILITY"  # the broker's visibility timeout, in seconds

app = Celery("delivery")
app.config_from_object("django.conf:settings", namespace="CELERY")
if os.environ.get(VISIBILITY):
    timeout = {"visibility_timeout": float(os.environ[VISIBILITY])}
    app.conf.update(broker_transport_options=app.conf.broker_transport_options | timeout)

worker.PERIOD /= HASTE
worker.LOOK /= HASTE
worker.DEAF_AFTER /= HASTE
pulse.BEAT /= HASTE
patience.PATIENCE /= HASTE
silence.GAP /= HASTE
upkeep.SILENT_AFTER /= HASTE
upkeep.RING_AFTER = timedelta(seconds=upkeep.RING_AFTER.total_seconds() / HASTE)


@app.task(name="stacks.tasks.run")
def run(operation_id: int) -> None:
    running.run(operation_id, plan_for=plan.plan_for, is_stopping=worker.is_stopping)
