"""What keeps operations moving when something died: ring again, and end what has no worker."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

from django.db.models.functions import Now

from stacks import compatibility, observation
from stacks.engine import locks
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation
from stacks.operations import doorbell, mending
from stacks.operations.silence import Silence

RING_AFTER = timedelta(seconds=10)
SILENT_AFTER = 60.0  # seconds; six heartbeats

FELL_SILENT = "The worker fell silent; what it left is completed or undone when it starts again."
HELD = "The worker fell silent, yet {holder} still holds the lane: nothing else begins there before that has ended."

logger = logging.getLogger(__name__)
State = Operation.State
_waiting, _beating, _unheeded = Silence(), Silence(), Silence()


def sweep(waiting: Silence = _waiting, *, of: Machine | None = None) -> list[int]:
    """Ring again for operations, of one machine or of all, that are still queued after a while; gives their ids."""
    queued = _in_state(State.QUEUED, of)
    seen = waiting.look({operation.pk: operation.created_at for operation in queued})
    # By two clocks: whoever asked may have had one that was hours ahead.
    aged = Operation.objects.filter(pk__in=list(seen), created_at__lt=Now() - RING_AFTER)
    old = set(aged.values_list("pk", flat=True))
    late = [one for one in queued if one.pk in old or seen[one.pk] >= RING_AFTER.total_seconds()]
    return [operation.pk for operation in late if not doorbell.is_rung(operation) and doorbell.ring(operation)]


def is_unheeded(machine: Machine, lane: str, after: float, waiting: Silence = _unheeded) -> bool:
    """Tell whether this lane's worker left a message in its queue for `after` seconds although nothing keeps it."""
    queued = [operation for operation in _in_state(State.QUEUED, machine) if operation.lane == lane]
    seen = waiting.look({operation.pk: operation.created_at for operation in queued})
    late = [operation for operation in queued if seen[operation.pk] >= after]
    if not late or compatibility.hindrance() or not locks.is_free(Layout(Path(machine.root)), lane):
        return False
    return all(doorbell.is_rung(operation) for operation in late)


def reap(beating: Silence = _beating, *, of: Machine | None = None) -> list[int]:
    """End the running operations, of one machine or of all, whose worker is gone, and mend what is left here.

    Gives their ids. On this machine the lane's lock tells; of another machine's worker only the silence.
    """
    running = _in_state(State.RUNNING, of)
    seconds = beating.look({operation.pk: operation.heartbeat_at for operation in running})
    reaped = [operation.pk for operation in running if _is_reaped(operation, seconds[operation.pk] >= SILENT_AFTER)]
    mending.mend()
    mending.complete_logs()
    return reaped


def _in_state(state: str, of: Machine | None) -> list[Operation]:
    found = Operation.objects.filter(state=state, **({} if of is None else {"machine": of}))
    # What was seen of a machine is by far the most of its row.
    return list(found.select_related("machine").defer("machine__observed"))


def _is_reaped(operation: Operation, silent: bool) -> bool:
    if observation.is_here(operation.machine):
        return _reap_here(operation, silent)
    return silent and mending.interrupt(operation, FELL_SILENT, last_heard=operation.heartbeat_at)


def _reap_here(operation: Operation, silent: bool) -> bool:
    layout = Layout(Path(operation.machine.root))
    try:
        with locks.lane_lock(layout, operation.lane, f"{locks.RECOVERY} of operation #{operation.pk}"):
            # A worker claims with the lock held and ends before it lets go: what still runs now has none.
            running = Operation.objects.select_related("machine").filter(pk=operation.pk, state=State.RUNNING).first()
            return running is not None and mending.bury(layout, running)
    except Refused:
        # One that lives, however silent, has trouble with its database only, and is heard again.
        if not silent or locks.is_held_by_the_living(layout, operation.lane):
            return False
        told = HELD.format(holder=locks.holder(layout, operation.lane))
        return mending.interrupt(operation, told, last_heard=operation.heartbeat_at)
    except OSError as error:
        logger.error("The lock of %s cannot be looked at: %s", operation.machine, error)
        return silent and mending.interrupt(operation, f"The worker fell silent, and on its disk: {error}.")
