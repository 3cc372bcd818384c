"""The Celery application; workers and beat are started with `celery -A dlstackweb`."""

from __future__ import annotations

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
# A worker is root only where its operator is, and builds drop to the stack's owner (docs/adr/0006).
warnings.filterwarnings("ignore", message=r"\s*You.re running the worker with superuser privileges")

app = Celery("dlstack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect(weak=False)
@beat_init.connect(weak=False)
def _tell_ready(sender: Any = None, **_: Any) -> None:
    """Leave this process's id where the embedded supervisor looks for it; a busy solo worker answers no ping."""
    from django.conf import settings

    from stacks.embedded.readiness import mark_ready

    name = getattr(sender, "hostname", None) or "beat"
    mark_ready(settings.DLSTACK.run, str(name).partition("@")[0])
