"""Giving an operation its end, with the record of what it made; asked twice, it is done once."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from stacks import records
from stacks.engine.errors import Refused
from stacks.models import Operation
from stacks.operations import copying, lifecycle, requests
from stacks.operations.attempts import Conclusion
from stacks.signals import recorded
from stacks.storable import storable

AWAY = (OperationalError, InterfaceError)  # what the database raises that is not there, or is not let in

logger = logging.getLogger(__name__)
State = Operation.State


def conclude(*, operation_id: int, conclusion: Conclusion, log_lines: int) -> bool:
    """Give a running operation its end; False when it had been given up before, which is then left as it is.

    Raises one of AWAY when the database is away, perhaps with the end written: then ask again.
    """
    finish = partial(
        lifecycle.finish,
        operation_id=operation_id,
        state=conclusion.state,
        message=conclusion.message,
        steps=conclusion.steps or None,
        log_lines=log_lines,
        outcome=conclusion.kept,
    )
    try:
        finished = finish(record=partial(_record, conclusion.outcome) if conclusion.state == State.SUCCEEDED else None)
    except AWAY:
        raise
    except Exception:  # a record that is refused must not hide that the machine was changed: its disk is adopted
        logger.exception("The record of operation %s", operation_id)
        finished = finish()
    copying.wake()
    return finished or _was_finished(operation_id, conclusion)


def _was_finished(operation_id: int, conclusion: Conclusion) -> bool:
    """Tell whether the end is on record already: a commit that was not answered had been made."""
    message = storable(conclusion.message)[: lifecycle.MESSAGE_LIMIT]
    rows = Operation.objects.filter(pk=operation_id, state=conclusion.state, message__startswith=message)
    operation = rows.select_related("machine", "requested_by").first()
    if operation is not None and operation.state == State.SUCCEEDED:
        _tell(operation, conclusion.outcome)
    return operation is not None


def _record(outcome: dict[str, Any], operation: Operation) -> str:
    told = records.record(operation, outcome)
    transaction.on_commit(partial(_tell, operation, outcome))
    if operation.kind == Operation.Kind.BUILD and operation.parameters.get("deploy"):
        return _deploy_next(operation)
    return told


def _tell(operation: Operation, outcome: dict[str, Any]) -> None:
    """Let other apps record what a successful operation found; what goes wrong there is theirs."""
    for receiver, answer in recorded.send_robust(Operation, operation=operation, outcome=outcome):
        if isinstance(answer, Exception):
            logger.error("%s after operation %s", receiver, operation.pk, exc_info=answer)


def _deploy_next(build: Operation) -> str:
    try:
        requests.deploy(
            machine=build.machine,
            version=build.parameters["version"],
            requested_by=build.requested_by,
            reason=build.reason,
            parent=build,
        )
    except Refused as refusal:
        return f"It was not deployed: {refusal}"
    return ""
