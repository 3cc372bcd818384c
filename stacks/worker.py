"""What a worker process does beside its tasks: upkeep from a thread, and hearing that it should end.

A lane's process is busy for as long as its operation, so upkeep does not wait in its queue.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from celery.signals import worker_init, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections, connection

from stacks import observation, operations
from stacks.models import Machine

PERIOD = 10.0  # seconds between two rounds of upkeep
LOOK = 60.0  # seconds between two looks at the disk, which others may change

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
    _try(_restore)
    looked_at = time.monotonic()
    while not _Process.stopping:
        _try(operations.sweep)
        pause.wait(PERIOD)
        _try(operations.reap)
        if time.monotonic() - looked_at >= LOOK:
            looked_at = time.monotonic()
            _try(_look_at_disk)
            _try(operations.back_up_due)  # beat asks too; a machine's own workers need none
    connection.close()


def _look_at_disk() -> None:
    if machine := _here():
        observation.refresh(machine)


def _restore() -> None:
    if machine := _here():
        operations.restore_after_reboot(machine)


def _here() -> Machine | None:
    return Machine.objects.filter(name=settings.DLSTACK.machine).first()


def _try(work: Callable[[], object]) -> None:
    try:
        close_old_connections()
        work()
    except Exception:  # the next round tries again
        logger.exception("Upkeep")
        connection.close()
