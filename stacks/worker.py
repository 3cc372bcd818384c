"""What a worker process does beside its tasks: upkeep from a thread, and hearing that it should end.

A lane's process is busy for as long as its operation, so upkeep does not wait in its queue.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from celery.signals import worker_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections, connection

from access import origin
from stacks import compatibility, home_room, observation, operations, presence, rollouts, schedules
from stacks.engine import reserve
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation

PERIOD = 10.0  # seconds between two rounds of upkeep
LOOK = 60.0  # seconds between two looks at the disk, which others may change
DEAF_AFTER = 60.0  # seconds that an idle worker leaves its queue alone before it starts again
LAST_WORDS = 15.0  # seconds for it to end by itself

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
def _start_upkeep(sender: Any = None, **_: Any) -> None:
    origin.become_worker()
    lane = str(getattr(sender, "hostname", "")).partition("@")[0]
    # Before the broker is reached: operations must be reaped while it is away, too.
    threading.Thread(target=_keep_up, args=(lane,), name="upkeep", daemon=True).start()


@worker_ready.connect(weak=False)
def _relieve_collector(**_: Any) -> None:
    """Keep the collector from going through all that is loaded while manifests are read, which are millions of values.

    None of what an operation makes of them lies in a circle: a tenth of a deploy's time went into looking for one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _keep_up(lane: str) -> None:
    look, pause = partial(_look_at_disk, lane), threading.Event()
    _try(operations.reap)
    _try(_keep_reserves)
    _try(look)
    _try(_restore)
    looked_at = time.monotonic()
    while not _Process.stopping:
        _relieve_home()  # before what needs the database, which may lie there
        _try(operations.sweep)
        _try(rollouts.advance_all)
        _try(schedules.fire_due)
        pause.wait(PERIOD)
        _try(operations.reap)
        _try(partial(_start_again_if_deaf, lane))
        if time.monotonic() - looked_at >= LOOK:
            looked_at = time.monotonic()
            _try(_keep_reserves)
            _try(look)
            _try(operations.back_up_due)  # beat asks too; a machine's own workers need none
    connection.close()


def _keep_reserves() -> None:
    """Keep room back on the disks of the versions and of the home, or keep it back again."""
    if (machine := _here()) and (state := Layout(Path(machine.root)).state).is_dir():
        reserve.keep(state, settings.DLSTACK.reserve)
    reserve.keep(settings.DLSTACK.home, settings.DLSTACK.reserve)


def _relieve_home() -> None:
    try:
        home_room.relieve(settings.DLSTACK.home)
    except OSError:  # the next round tries again
        logger.exception("Upkeep")


def _look_at_disk(lane: str) -> None:
    if machine := _here():
        if lane in Operation.Lane.values:
            presence.note(machine, lane)
        observation.refresh(machine)


def _start_again_if_deaf(lane: str) -> None:
    """End this process, which its supervisor then starts again, when its broker connection is dead but looks alive.

    So says a message that waits in its queue although the lane is free and the broker answers (fault F22).
    """
    machine = _here()
    if machine is None or not operations.is_unheeded(machine, lane, DEAF_AFTER):
        return
    logger.error("Nothing is heard from the broker although a message waits there: starting again")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WORDS)
    os._exit(os.EX_TEMPFAIL)


def _restore() -> None:
    if machine := _here():
        operations.restore_after_reboot(machine)


def _here() -> Machine | None:
    return Machine.objects.filter(name=settings.DLSTACK.machine).first()


def _try(work: Callable[[], object]) -> None:
    try:
        close_old_connections()
        if hindrance := compatibility.hindrance():
            logger.error("No upkeep: %s", hindrance)
        else:
            work()
    except Exception:  # the next round tries again
        logger.exception("Upkeep")
        connection.close()
