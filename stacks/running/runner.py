"""Running one operation in a worker, from the lane's lock to the final state."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from stacks import observation, operations, plans
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.models import Operation
from stacks.running.attempt import Attempt, PlanFor
from stacks.running.endings import Ending, failed, kept

LOCK_PATIENCE = 10.0  # seconds; a look by the reaper holds the lock for a moment

State = Operation.State
logger = logging.getLogger(__name__)


def never() -> bool:
    """Tell that the worker is not about to end."""
    return False


def run(operation_id: int, *, plan_for: PlanFor = plans.plan_for, is_stopping: Callable[[], bool] = never) -> None:
    """Run a queued operation of this machine to its final state; one that is not queued (any more) is passed over.

    Whatever happens is recorded; only the end of the process itself (SystemExit) is raised.
    """
    operation = _queued(operation_id)
    if operation is None or is_stopping():
        return
    with ExitStack() as held:
        try:
            lock = _hold(held, operation)
        except (EngineError, OSError) as error:
            _give_up(operation, failed(error))
            return
        # Claimed with the lock held: whoever finds it free knows that a running operation of this lane has no worker.
        if operations.claim(operation_id=operation_id):
            _carry_out(operation, plan_for, is_stopping, lock)


def _carry_out(operation: Operation, plan_for: PlanFor, is_stopping: Callable[[], bool], lock: int) -> None:
    try:
        attempt = Attempt(operation, is_stopping)
    except OSError as error:
        _end(operation, Ending(State.FAILED, f"The log cannot be written, so nothing was begun: {error}"))
    else:
        attempt.carry_out(plan_for, lock)


def _give_up(operation: Operation, ending: Ending) -> None:
    if operations.claim(operation_id=operation.pk):
        _end(operation, ending)


def _end(operation: Operation, ending: Ending) -> None:
    """End an operation of which nothing was begun."""
    outcome = kept({}, ending)
    operations.finish(operation_id=operation.pk, state=ending.state, message=ending.message, outcome=outcome)
    operations.announce(operation.pk)


def _queued(operation_id: int) -> Operation | None:
    queued = Operation.objects.select_related("machine", "requested_by").filter(pk=operation_id, state=State.QUEUED)
    operation = queued.first()
    if operation is not None and not observation.is_here(operation.machine):
        logger.error("Operation %s is of machine %s and was sent to this one.", operation_id, operation.machine)
        return None
    return operation


def _hold(held: ExitStack, operation: Operation) -> int:
    """Take the lane's lock; raises Refused when somebody else keeps it for longer than a look takes."""
    layout = Layout(Path(operation.machine.root))
    give_up_at = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            return held.enter_context(lane_lock(layout, operation.lane, f"operation #{operation.pk}"))
        except Refused:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)
