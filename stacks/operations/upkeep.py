"""What keeps operations moving when something died: ring again, end what has no worker, complete its log."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

from django.db.models.functions import Now

from stacks import logs, observation
from stacks.engine import locks, recovery
from stacks.engine.errors import EngineError, Refused
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.models import Operation
from stacks.operations import doorbell, lifecycle

RING_AFTER = timedelta(seconds=10)
SILENT_AFTER = timedelta(seconds=30)  # three heartbeats

logger = logging.getLogger(__name__)
State = Operation.State


def sweep() -> list[int]:
    """Ring again for operations that are still queued after a while; gives their ids."""
    waiting = Operation.objects.filter(state=State.QUEUED, created_at__lt=Now() - RING_AFTER).select_related("machine")
    return [operation.pk for operation in waiting if not doorbell.is_rung(operation) and doorbell.ring(operation)]


def reap() -> list[int]:
    """End as interrupted the running operations whose worker is gone, and complete the logs they left; gives their ids.

    On this machine the lane's lock tells; of another machine's worker only the silence.
    """
    running = Operation.objects.filter(state=State.RUNNING).select_related("machine")
    reaped = [operation.pk for operation in running if _is_reaped(operation)]
    complete_logs()
    return reaped


def complete_logs() -> None:
    """Store what ended operations left in this machine's spools."""
    ended = Operation.objects.filter(pk__in=logs.spooled_operations(), state__in=Operation.FINAL)
    for operation in ended:
        lines = logs.complete(operation.pk, operation.state)
        lifecycle.record_log_lines(operation_id=operation.pk, lines=max(lines, operation.log_lines))


def _is_reaped(operation: Operation) -> bool:
    if observation.is_here(operation.machine):
        return _reap_here(operation)
    if not _is_silent(operation):
        return False
    message = "The worker fell silent; what it left is completed or undone when it starts again."
    return _interrupt(operation, message)


def _reap_here(operation: Operation) -> bool:
    layout = Layout(Path(operation.machine.root))
    try:
        with locks.lane_lock(layout, operation.lane, f"the recovery of operation #{operation.pk}"):
            # A worker claims with the lock held and ends before it lets go: what still runs now has none.
            if not Operation.objects.filter(pk=operation.pk, state=State.RUNNING).exists():
                return False
            return _bury(operation, f"The worker was killed. {_recovered(layout, operation)}")
    except Refused:
        return False
    except OSError as error:
        logger.error("The lock of %s cannot be looked at: %s", operation.machine, error)
        return _is_silent(operation) and _interrupt(operation, f"The worker fell silent, and on its disk: {error}.")


def _recovered(layout: Layout, operation: Operation) -> str:
    try:
        said = recovery.recover(layout, operation.lane)
    except (EngineError, OSError) as error:
        logger.exception("Recovery after operation %s", operation.pk)
        return f"What it left could not be tidied up: {error}"
    return " ".join(said) or "It had not changed anything yet."


def _bury(operation: Operation, message: str) -> bool:
    """Interrupt an operation that ran here, its log completed by the reason."""
    writer = logs.LogWriter(operation.pk)
    writer.sink(Event("error", message))
    interrupted = _interrupt(operation, message, log_lines=writer.store())
    if interrupted:
        observation.refresh(operation.machine)
    writer.close(State.INTERRUPTED)
    return interrupted


def _interrupt(operation: Operation, message: str, *, log_lines: int = 0) -> bool:
    steps = [step | {"state": "interrupted"} if step["state"] == "running" else step for step in operation.steps]
    interrupted = lifecycle.finish(
        operation_id=operation.pk, state=State.INTERRUPTED, message=message, steps=steps, log_lines=log_lines
    )
    if interrupted:
        logger.warning("Operation %s was interrupted: %s", operation.pk, message)
        lifecycle.announce(operation.pk)
    return interrupted


def _is_silent(operation: Operation) -> bool:
    silent = Operation.objects.filter(pk=operation.pk, state=State.RUNNING, heartbeat_at__lt=Now() - SILENT_AFTER)
    return silent.exists()
