"""What a worker writes while it runs an operation; each write is conditional on the state that it expects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now

from access import audit
from access.models import AuditEntry
from stacks.logs import publish_state
from stacks.models import Activation, Operation
from stacks.signals import ended
from stacks.storable import storable

State = Operation.State
MESSAGE_LIMIT = 2000


def claim(*, operation_id: int, attempt: str = "") -> bool:
    """Make a queued operation running; False when another delivery was first or it is not queued any more.

    The same `attempt` may ask again, as after a commit that was not answered, and gets the same answer.
    """
    began: dict[str, Any] = {"state": State.RUNNING, "attempt": attempt, "started_at": Now(), "heartbeat_at": Now()}
    if _of(operation_id, State.QUEUED).update(**began) == 1:
        return True
    return bool(attempt) and _of(operation_id, State.RUNNING).filter(attempt=attempt).exists()


def refuse(*, operation_id: int, message: str, outcome: dict[str, Any]) -> bool:
    """End a queued operation as failed of which nothing is begun; False when it is not queued any more."""
    with transaction.atomic():
        # Both in one: nobody sees it running who might take it for abandoned.
        return claim(operation_id=operation_id) and finish(
            operation_id=operation_id, state=State.FAILED, message=message, outcome=outcome
        )


def heartbeat(*, operation_id: int) -> bool:
    """Record that the worker lives; False when the operation is not running any more."""
    return _of(operation_id, State.RUNNING).update(heartbeat_at=Now()) == 1


def is_cancel_requested(*, operation_id: int) -> bool:
    """Tell whether somebody asked a running operation to end."""
    return _of(operation_id, State.RUNNING).filter(cancel_requested_at__isnull=False).exists()


def is_running(*, operation_id: int) -> bool:
    """Tell whether an operation is still its worker's to carry out, and was not given up meanwhile."""
    return _of(operation_id, State.RUNNING).exists()


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
    last_heard: datetime | None = None,
) -> bool:
    """Give a running operation its final state, and in the same transaction `record` what it made.

    `record` may return a sentence that is added to the message. False when it was not running any more, or its worker
    was heard after `last_heard`: then nothing is written.
    """
    rows = _of(operation_id, State.RUNNING)
    if last_heard is not None:
        # SQLite keeps times as text, of its own with fewer digits: equal ones are not equal there.
        rows = rows.filter(heartbeat_at__range=(last_heard - timedelta(milliseconds=1), last_heard))
    with transaction.atomic():
        changes: dict[str, Any] = {"state": state, "log_lines": log_lines, "outcome": storable(outcome or {})}
        if steps is not None:
            changes["steps"] = steps
        if rows.update(finished_at=end_time(), **changes) != 1:
            return False
        operation = Operation.objects.select_related("machine", "requested_by").get(pk=operation_id)
        before = _active(operation)
        if record is not None:
            message = f"{message} {record(operation)}".strip()
        message = storable(message)[:MESSAGE_LIMIT]
        Operation.objects.filter(pk=operation_id).update(message=message)
        _note(operation, f"{state}: {message}", before, _active(operation))
        tell_end(operation_id)
    return True


def tell_end(operation_id: int) -> None:
    """Let those know who wait for an operation's end, once it is committed; what goes wrong there is theirs."""
    transaction.on_commit(partial(ended.send, Operation, operation_id=operation_id), robust=True)


def add_to_message(*, operation_id: int, text: str) -> None:
    """Add what was found out later to the message of an operation that was given up."""
    for operation in _of(operation_id, State.INTERRUPTED):
        message = storable(f"{operation.message} {text}".strip())[:MESSAGE_LIMIT]
        _of(operation_id, State.INTERRUPTED).update(message=message)


def _active(operation: Operation) -> str:
    """Name what is active according to the record."""
    current = Activation.objects.filter(machine=operation.machine_id, ended_at=None)
    return current.values_list("version__name", flat=True).first() or ""


def _note(operation: Operation, ended: str, before: str, after: str) -> None:
    """Keep on the audit trail how an operation ended, and which version became active instead of which."""
    version = operation.parameters.get("version", "")
    what = f"{f'{operation.kind} {version}'.strip()} on {operation.machine} {ended}"
    changed = {"old": before, "new": after} if before != after else {}
    by, machine = operation.requested_by, operation.machine.name
    audit.record(AuditEntry.Kind.OPERATION, what, by=by, machine=machine, operation=operation.pk, **changed)


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
