"""Asking for an operation, asking for its end, asking for it again."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from access import audit
from access.models import AuditEntry
from access.roles import OPERATE
from stacks.engine.errors import Refused
from stacks.marks import COMMAND_LINE
from stacks.models import Machine, Operation
from stacks.operations import doorbell, lifecycle
from stacks.operations.guards import refuse_if_barred, refuse_unless_allowed, right_for
from stacks.plans import LANES
from stacks.storable import storable

Kind = Operation.Kind
State = Operation.State
Audited = AuditEntry.Kind


class Busy(Refused):
    """The lane has an unfinished `operation`."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(f"{describe(operation)}: wait for it, or cancel it first.")
        self.operation = operation


def submit(
    *,
    machine: Machine,
    kind: str,
    parameters: dict[str, Any],
    requested_by: User | None = None,
    reason: str = "",
    parent: Operation | None = None,
    retry_of: Operation | None = None,
) -> Operation:
    """Write one queued operation with frozen parameters, and ring its worker when it is committed.

    Raises Busy with the other operation when the lane has one, and Refused for what `guards` forbids.
    """
    refuse_unless_allowed(by=requested_by, right=right_for(kind))
    deploys = Kind.DEPLOY if parameters.get("deploy") else kind
    refuse_if_barred(machine=machine, kind=deploys, version=parameters.get("version", ""))
    fields = {"kind": kind, "lane": LANES[kind], "parameters": storable(parameters), "reason": storable(reason)}
    relations = {"requested_by": requested_by, "parent": parent, "retry_of": retry_of}
    # The other operation may end between the refusal and the look at it: then this one is tried once more.
    for last_try in (False, True):
        try:
            with transaction.atomic():
                operation = Operation.objects.create(machine=machine, **fields, **relations)
                _note(operation, Audited.OPERATION, "was asked for", by=requested_by)
        except IntegrityError:
            refuse_if_busy(machine, LANES[kind])
            if last_try:
                raise
        else:
            transaction.on_commit(partial(doorbell.ring, operation))
            return operation
    raise AssertionError("unreachable")


def refuse_if_busy(machine: Machine, lane: str) -> None:
    """Raise Busy with the unfinished operation of a machine's lane, if there is one."""
    other = Operation.objects.filter(machine=machine, lane=lane, state__in=Operation.UNFINISHED).first()
    if other is not None:
        raise Busy(other)


def describe(operation: Operation) -> str:
    """Say what an unfinished operation is: kind, version, id, state, who and since when."""
    version = operation.parameters.get("version", "")
    who = operation.requested_by or COMMAND_LINE
    since = timezone.localtime(operation.started_at or operation.created_at)
    name = f"{operation.kind} of {version}" if version else operation.kind
    verb = "is running" if operation.state == State.RUNNING else "is waiting"
    return f"{operation.machine.name} is busy: the {name} (#{operation.pk}, {who}) {verb} since {since:%H:%M:%S}"


def request_cancel(*, operation: Operation, by: User | None) -> Operation:
    """Cancel a queued operation, or ask a running one to end and be undone; raises Refused when it has ended.

    Asking twice is the same as asking once.
    """
    message = f"Cancelled by {by or COMMAND_LINE} before it began."
    refuse_unless_allowed(by=by, right=OPERATE)
    rows = Operation.objects.filter(pk=operation.pk)
    asked = {"cancel_requested_at": Now(), "cancel_requested_by": by}
    cancelled = rows.filter(state=State.QUEUED).update(
        state=State.CANCELLED, finished_at=lifecycle.end_time(), message=message, **asked
    )
    if not cancelled:
        rows.filter(state=State.RUNNING, cancel_requested_at__isnull=True).update(**asked)
    operation.refresh_from_db()
    if not cancelled and operation.is_final:
        raise Refused(f"The {operation} has already ended: {_ended(operation)}")
    _note(operation, Audited.CANCEL, "was to end", by=by)
    transaction.on_commit(partial(lifecycle.announce, operation.pk))
    if cancelled:
        lifecycle.tell_end(operation.pk)
    return operation


def refuse_unless_retryable(operation: Operation) -> None:
    """Raise Refused unless the operation ended without success."""
    if not operation.is_final:
        raise Refused(f"The {operation} has not ended yet: wait for it, or cancel it first.")
    if operation.state not in Operation.RETRYABLE:
        raise Refused(f"The {operation} has succeeded: there is nothing to retry.")


def allot_generation(machine: Machine) -> int:
    """Take the machine's next generation; call it in the transaction that submits the build."""
    Machine.objects.filter(pk=machine.pk).update(generation=F("generation") + 1)
    return Machine.objects.values_list("generation", flat=True).get(pk=machine.pk)


def _note(operation: Operation, kind: str, done: str, *, by: User | None) -> None:
    """Keep on the audit trail what somebody asked of an operation."""
    version = operation.parameters.get("version", "")
    why = f": {operation.reason}" if operation.reason else ""
    what = f"{f'{operation.kind} {version}'.strip()} on {operation.machine} {done}{why}"
    audit.record(kind, what, by=by, machine=operation.machine.name, operation=operation.pk)


def _ended(operation: Operation) -> str:
    if operation.state == State.CANCELLED:
        return operation.message or "it was cancelled."  # the message says by whom
    past = {State.SUCCEEDED: "it succeeded.", State.FAILED: "it failed."}
    return past.get(State(operation.state), "it was interrupted.")
