"""What a worker process does beside its tasks: upkeep from a thread, and hearing that it should end.

A lane's process is busy for as long as its operation, so upkeep does not wait in its queue.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from celery.signals import worker_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models.functions import Now

from access import origin
from stacks import compatibility, home_room, observation, operations, presence, rollouts, schedules
from stacks.engine import reserve
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation
from stacks.operations.silence import Silence

PERIOD = 20.0  # seconds between two rounds of upkeep; the clock rings for lost messages in half of it
LOOK = 60.0  # seconds between two looks at the disk, which others may change
DEAF_AFTER = 60.0  # seconds that an idle worker leaves its queue alone before it starts again
LAST_WORDS = 15.0  # seconds for it to end by itself

Work = Callable[[Machine], object]
logger = logging.getLogger(__name__)


class _Process:
    """What this process knows of itself; a plain attribute, because a signal handler may not take a lock."""

    stopping = False
    ends_at = math.inf  # by the monotonic clock


def is_stopping() -> bool:
    """Tell whether this worker was asked to end: then it begins nothing."""
    return _Process.stopping


def is_overdue() -> bool:
    """Tell whether it was asked to end so long ago that what runs must be interrupted: DLSTACK_GRACE seconds."""
    return time.monotonic() >= _Process.ends_at


@worker_shutting_down.connect(weak=False)
def _note_end(**_: Any) -> None:
    if not _Process.stopping:  # asked again, it has no more time than before
        _Process.ends_at = time.monotonic() + settings.DLSTACK.grace
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
    upkeep, pause = Upkeep(lane), threading.Event()
    upkeep.begin()
    while not _Process.stopping:
        _relieve_home()  # before what needs the database, which may lie there
        upkeep.round()
        pause.wait(PERIOD)


class Upkeep:
    """What one lane's worker does for its own machine beside its tasks, round by round.

    Beat does the same for all machines at once: a thousand machines that each looked after all others would ask for a
    million rows a round. Nothing is held between rounds, not even a connection: PostgreSQL has few of them.
    """

    def __init__(self, lane: str) -> None:
        self._lane = lane
        self._waiting, self._beating, self._unheeded = Silence(), Silence(), Silence()
        self._looked_at = -math.inf

    def begin(self) -> None:
        """Do what comes first when a worker starts: end what an earlier one left, and look at the disk."""
        self._looked_at = time.monotonic()
        self._each(self._reap, _keep_reserves, self._look, operations.restore_after_reboot)

    def round(self) -> None:
        """Do what is due."""
        self._each(self._reap, self._start_again_if_deaf, *self._looks(), self._sweep)

    def _looks(self) -> list[Work]:
        if time.monotonic() - self._looked_at < LOOK:
            return []
        self._looked_at = time.monotonic()
        return [_keep_reserves, self._note, _look_unless_other_lane_did, _back_up, _advance_rollouts, _fire_schedules]

    def _each(self, *works: Work) -> None:
        """Do some works, each whatever became of the one before."""
        try:
            close_old_connections()
            if hindrance := compatibility.hindrance():
                logger.error("No upkeep: %s", hindrance)
            elif machine := _here():
                for work in works:
                    _try(partial(work, machine))
        except Exception:  # the next round tries again
            logger.exception("Upkeep")
        finally:
            connection.close()

    def _reap(self, machine: Machine) -> None:
        operations.reap(self._beating, of=machine)

    def _sweep(self, machine: Machine) -> None:
        operations.sweep(self._waiting, of=machine)

    def _look(self, machine: Machine) -> None:
        self._note(machine)
        observation.refresh(machine)

    def _note(self, machine: Machine) -> None:
        if self._lane in Operation.Lane.values:
            presence.note(machine, self._lane)

    def _start_again_if_deaf(self, machine: Machine) -> None:
        """End this process, which its supervisor then starts again, when its broker connection is dead but looks alive.

        So says a message that waits in its queue although the lane is free and the broker answers (fault F22).
        """
        if not operations.is_unheeded(machine, self._lane, DEAF_AFTER, self._unheeded):
            return
        logger.error("Nothing is heard from the broker although a message waits there: starting again")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LAST_WORDS)
        os._exit(os.EX_TEMPFAIL)


def _look_unless_other_lane_did(machine: Machine) -> None:
    """Look at the disk for both lanes of a machine, whose workers would else see the same twice."""
    lately = Now() - timedelta(seconds=0.75 * LOOK)
    if not Machine.objects.filter(pk=machine.pk, observed_at__gte=lately).exists():
        observation.refresh(machine)


def _back_up(machine: Machine) -> None:
    operations.back_up_due(of=machine)  # beat asks too; a machine's own workers need none


def _advance_rollouts(machine: Machine) -> None:
    rollouts.advance_all()  # as beat does far more often, and whoever ends an operation at once


def _fire_schedules(machine: Machine) -> None:
    schedules.fire_due()  # for when beat is away


def _keep_reserves(machine: Machine) -> None:
    """Keep room back on the disks of the versions and of the home, or keep it back again."""
    if (state := Layout(Path(machine.root)).state).is_dir():
        reserve.keep(state, settings.DLSTACK.reserve)
    reserve.keep(settings.DLSTACK.home, settings.DLSTACK.reserve)


def _relieve_home() -> None:
    try:
        home_room.relieve(settings.DLSTACK.home)
    except OSError:  # the next round tries again
        logger.exception("Upkeep")


def _here() -> Machine | None:
    # What was seen of it is by far the most, and seldom asked for here.
    return Machine.objects.filter(name=settings.DLSTACK.machine).defer("observed").first()


def _try(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # the next round tries again
        logger.exception("Upkeep")
        connection.close()
