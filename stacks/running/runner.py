"""Running one operation in a worker, from the lane's lock to the final state."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from django.db import DatabaseError, InterfaceError

from stacks import compatibility, observation, operations, plans
from stacks.engine import locks
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import Layout
from stacks.models import Operation
from stacks.operations.attempts import Conclusion
from stacks.running.attempt import Attempt, PlanFor
from stacks.running.endings import failed
from stacks.running.patience import persistently

LOCK_PATIENCE = 10.0  # seconds; a look by the reaper holds the lock for a moment
RECOVERY_PATIENCE = 900.0  # seconds; a recovery may have a tree to copy

State = Operation.State
logger = logging.getLogger(__name__)


def never() -> bool:
    """Tell that the worker is not about to end."""
    return False


def run(operation_id: int, *, plan_for: PlanFor = plans.plan_for, is_stopping: Callable[[], bool] = never) -> None:
    """Run a queued operation of this machine to its final state; one that is not queued (any more) is passed over.

    Whatever happens is recorded; only the end of the process itself (SystemExit) is raised. Where the database is of
    another DLStack the operation stays queued.
    """
    if is_stopping() or not _is_compatible(operation_id):
        return
    operation = _queued(operation_id)
    if operation is None or _is_refused(operation):
        return
    with ExitStack() as held:
        claim = partial(operations.claim, operation_id=operation_id, attempt=uuid.uuid4().hex)
        try:
            lock = _hold(held, operation)
            # With the lock held: whoever finds it free knows that a running operation of this lane has no worker.
            claimed = persistently(claim, is_stopping)
        except (EngineError, OSError) as error:
            _refuse(operation, failed(error))
            return
        if claimed:
            _carry_out(operation, plan_for, is_stopping, lock)


def _carry_out(operation: Operation, plan_for: PlanFor, is_stopping: Callable[[], bool], lock: int) -> None:
    try:
        attempt = persistently(partial(Attempt, operation, is_stopping), is_stopping)
    except OSError as error:
        _end(operation, Conclusion(State.FAILED, f"The log cannot be written, so nothing was begun: {error}"))
    except (DatabaseError, InterfaceError):  # the reaper says that it was given up before it began
        logger.exception("Operation %s was claimed, and could not begin", operation.pk)
    else:
        attempt.carry_out(plan_for, lock)


def _is_compatible(operation_id: int) -> bool:
    if hindrance := compatibility.hindrance():
        logger.error("Operation %s stays queued: %s", operation_id, hindrance)
    return not hindrance


def _is_refused(operation: Operation) -> bool:
    sentence = compatibility.misread(operation)
    if sentence:
        _refuse(operation, Conclusion(State.FAILED, sentence, refused=True))
    return bool(sentence)


def _refuse(operation: Operation, ending: Conclusion) -> None:
    if operations.refuse(operation_id=operation.pk, message=ending.message, outcome=ending.kept):
        operations.announce(operation.pk)


def _end(operation: Operation, ending: Conclusion) -> None:
    """End a claimed operation of which nothing was begun."""
    operations.finish(operation_id=operation.pk, state=ending.state, message=ending.message, outcome=ending.kept)
    operations.announce(operation.pk)


def _queued(operation_id: int) -> Operation | None:
    queued = Operation.objects.select_related("machine", "requested_by").filter(pk=operation_id, state=State.QUEUED)
    operation = queued.first()
    if operation is not None and not observation.is_here(operation.machine):
        logger.error("Operation %s is of machine %s and was sent to this one.", operation_id, operation.machine)
        return None
    return operation


def _hold(held: ExitStack, operation: Operation) -> int:
    """Take the lane's lock; raises Refused when somebody else keeps it for longer than a look or a recovery takes."""
    layout = Layout(Path(operation.machine.root))
    began = time.monotonic()
    while True:
        try:
            return held.enter_context(locks.lane_lock(layout, operation.lane, f"operation #{operation.pk}"))
        except Refused:
            recovers = locks.holder(layout, operation.lane).startswith(locks.RECOVERY)
            if time.monotonic() - began > (RECOVERY_PATIENCE if recovers else LOCK_PATIENCE):
                raise
            time.sleep(0.2)
