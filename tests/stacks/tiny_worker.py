"""A worker application like the product's, whose task runs the tiny plans."""

from __future__ import annotations

import os

import django
from celery import Celery

django.setup()

from stacks import running, worker  # noqa: E402
from tests.stacks import tiny  # noqa: E402

app = Celery("tiny")
app.config_from_object("django.conf:settings", namespace="CELERY")
worker.PERIOD = float(os.environ["TINY_PERIOD"])


@app.task(name="stacks.tasks.run")
def run(operation_id: int) -> None:
    running.run(operation_id, plan_for=tiny.plan_for, is_stopping=worker.is_overdue)
