"""What a worker writes while it runs an operation; each write is conditional on the state that it expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now

from stacks.logs import publish_state
from stacks.models import Operation
from stacks.storable import storable

State = Operation.State
MESSAGE_LIMIT = 2000


def claim(*, operation_id: int) -> bool:
    """Make a queued operation running; False when another delivery was first or it is not queued any more."""
    claimed = _of(operation_id, State.QUEUED).update(state=State.RUNNING, started_at=Now(), heartbeat_at=Now())
    return claimed == 1


def heartbeat(*, operation_id: int) -> bool:
    """Record that the worker lives; False when the operation is not running any more."""
    return _of(operation_id, State.RUNNING).update(heartbeat_at=Now()) == 1


def is_cancel_requested(*, operation_id: int) -> bool:
    """Tell whether somebody asked a running operation to end."""
    return _of(operation_id, State.RUNNING).filter(cancel_requested_at__isnull=False).exists()


def record_steps(*, operation_id: int, steps: list[dict[str, Any]]) -> None:
    """Record the steps of a running operation."""
    _of(operation_id, State.RUNNING).update(steps=steps)


def record_log_lines(*, operation_id: int, lines: int) -> None:
    """Record how long the stored log is."""
    Operation.objects.filter(pk=operation_id).update(log_lines=lines)


def finish(
    *,
    operation_id: int,
    state: str,
    message: str,
    outcome: dict[str, Any] | None = None,
    steps: list[dict[str, Any]] | None = None,
    log_lines: int = 0,
    record: Callable[[Operation], str] | None = None,
) -> bool:
    """Give a running operation its final state, and in the same transaction `record` what it made.

    `record` may return a sentence that is added to the message. False when it was not running any more: then
    nothing is written.
    """
    with transaction.atomic():
        changes: dict[str, Any] = {"state": state, "log_lines": log_lines, "outcome": storable(outcome or {})}
        if steps is not None:
            changes["steps"] = steps
        if _of(operation_id, State.RUNNING).update(finished_at=end_time(), **changes) != 1:
            return False
        if record is not None:
            operation = Operation.objects.select_related("machine", "requested_by").get(pk=operation_id)
            message = f"{message} {record(operation)}".strip()
        Operation.objects.filter(pk=operation_id).update(message=storable(message)[:MESSAGE_LIMIT])
    return True


def end_time() -> Greatest:
    """Give the database's time, but never one before the operation's start: clocks are set back at times."""
    return Greatest(Now(), Coalesce(F("started_at"), Now()))


def announce(operation_id: int) -> None:
    """Tell the open pages of an operation that its row changed."""
    operation = Operation.objects.filter(pk=operation_id).first()
    if operation is not None:
        publish_state(operation_id, document(operation))


def document(operation: Operation) -> dict[str, Any]:
    """Give what the stream says about an operation: its state, message and steps."""
    return {
        "state": operation.state,
        "message": operation.message,
        "cancel_requested": operation.cancel_requested_at is not None,
        "steps": operation.steps,
    }


def _of(operation_id: int, state: str) -> QuerySet[Operation]:
    return Operation.objects.filter(pk=operation_id, state=state)
