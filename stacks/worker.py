"""What a worker process does beside its tasks: upkeep from a thread, and hearing that it should end.

A lane's process is busy for as long as its operation, so upkeep does not wait in its queue.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery.signals import worker_init, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections, connection

from stacks import observation, operations
from stacks.models import Machine

PERIOD = 10.0  # seconds between two rounds of upkeep

logger = logging.getLogger(__name__)


class _Process:
    """What this process knows of itself; a plain attribute, because a signal handler may not take a lock."""

    stopping = False


def is_stopping() -> bool:
    """Tell whether this worker was asked to end."""
    return _Process.stopping


@worker_shutting_down.connect(weak=False)
def _note_end(**_: Any) -> None:
    _Process.stopping = True


@worker_init.connect(weak=False)
def _start_upkeep(**_: Any) -> None:
    # Before the broker is reached: operations must be reaped while it is away, too.
    threading.Thread(target=_keep_up, name="upkeep", daemon=True).start()


def _keep_up() -> None:
    pause = threading.Event()
    _try(operations.reap)
    _try(_look_at_disk)
    while not _Process.stopping:
        _try(operations.sweep)
        pause.wait(PERIOD)
        _try(operations.reap)
    connection.close()


def _look_at_disk() -> None:
    machine = Machine.objects.filter(name=settings.DLSTACK.machine).first()
    if machine is not None:
        observation.refresh(machine)


def _try(work: Callable[[], object]) -> None:
    try:
        close_old_connections()
        work()
    except Exception:  # the next round tries again
        logger.exception("Upkeep")
        connection.close()
