"""What is done about an operation whose worker is gone: disk mended, end on record, log completed."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from stacks import logs, observation
from stacks.engine import journal, locks, recovery
from stacks.engine.errors import EngineError, Refused
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation
from stacks.operations import attempts, lifecycle
from stacks.operations.attempts import Conclusion
from stacks.operations.concluding import conclude

KILLED = "The worker was killed."
NOTHING = "It had not changed anything yet."
DONE = "It had done all of it, as the machine's journal says, and was killed before it could say so."

_hopeless: set[tuple[str, str]] = set()  # lanes and operations that this process could not mend: trying costs copies

logger = logging.getLogger(__name__)
State = Operation.State


def bury(layout: Layout, operation: Operation) -> bool:
    """End an operation that ran on this machine as the disk says it ended; the caller holds its lane's lock."""
    found = attempts.conclusion_of(operation.pk) or _concluded(layout, operation)
    writer = logs.LogWriter(operation.pk)
    if found.state == State.INTERRUPTED:
        writer.sink(Event("error", found.message))
    buried = conclude(operation_id=operation.pk, conclusion=found, log_lines=writer.store())
    if buried:
        logger.warning("Operation %s ended without its worker as %s: %s", operation.pk, found.state, found.message)
    attempts.forget(operation.pk)
    writer.close(found.state)  # before what may take long: the log is whole when the end is told
    if buried:
        lifecycle.announce(operation.pk)
        observation.refresh(operation.machine)
    return buried


def interrupt(operation: Operation, message: str, *, last_heard: datetime | None = None) -> bool:
    """End an operation as interrupted of whose worker nothing more is known; not one that was heard meanwhile."""
    interrupted = lifecycle.finish(
        operation_id=operation.pk,
        state=State.INTERRUPTED,
        message=message,
        steps=_stopped(operation),
        log_lines=operation.log_lines,
        last_heard=last_heard,
    )
    if interrupted:
        logger.warning("Operation %s was interrupted: %s", operation.pk, message)
        lifecycle.announce(operation.pk)
    return interrupted


def mend() -> None:
    """Complete or undo what operations left on this machine that ended elsewhere, or without a record at all."""
    machine = Machine.objects.filter(name=settings.DLSTACK.machine).first()
    if machine is None:
        return
    for lane in Operation.Lane.values:
        _try_to_mend(machine, Layout(Path(machine.root)), lane)


def complete_logs() -> None:
    """Store what ended operations left in this machine's spools."""
    ended = Operation.objects.filter(pk__in=logs.spooled_operations(), state__in=Operation.FINAL)
    for operation in ended.select_related("machine"):
        with ExitStack() as held:
            if _hold(held, operation):
                attempts.forget(operation.pk)
                lines = logs.complete(operation.pk, operation.state)
                lifecycle.record_log_lines(operation_id=operation.pk, lines=max(lines, operation.log_lines))


def _concluded(layout: Layout, operation: Operation) -> Conclusion:
    said = _recovered(layout, operation.lane)
    written = attempts.written(layout, operation)
    if attempts.is_done(operation, written):
        steps = [step | {"state": "succeeded"} for step in operation.steps]
        made: dict[str, Any] = {word: written[-1][word] for word in ("version", "healthy") if word in written[-1]}
        return Conclusion(State.SUCCEEDED, " ".join([DONE, *said]), made, steps)
    told = said or [f"The journal says: {one['kind']} of {one.get('version')} {one['outcome']}." for one in written]
    return Conclusion(State.INTERRUPTED, " ".join([KILLED, *(told or [NOTHING])]), steps=_stopped(operation))


def _recovered(layout: Layout, lane: str) -> list[str]:
    try:
        return recovery.recover(layout, lane)
    except (EngineError, OSError) as error:
        logger.exception("Recovery of the %s lane of %s", lane, layout.root)
        return [f"What it left could not be tidied up: {error}"]


def _try_to_mend(machine: Machine, layout: Layout, lane: str) -> None:
    left = ""
    try:
        left = _left(machine, layout, lane)
        if left and (lane, left) not in _hopeless:
            _mend(machine, layout, lane)
    except (EngineError, OSError):
        if (lane, left) not in _hopeless:
            logger.exception("The %s lane of %s cannot be mended; its next operation tries again", lane, machine)
        _hopeless.add((lane, left))


def _left(machine: Machine, layout: Layout, lane: str) -> str:
    """Name the operation that left its intent in the journal, "" for none and for one that still runs."""
    intent = journal.pending(layout, lane)
    if intent is None or machine.operations.filter(lane=lane, state=State.RUNNING).exists():
        return ""
    return str(intent.get("operation"))


def _mend(machine: Machine, layout: Layout, lane: str) -> None:
    try:
        with locks.lane_lock(layout, lane, f"{locks.RECOVERY} of the {lane} lane"):
            # Read again under the lock: whoever had it may just have ended.
            if intent := journal.pending(layout, lane):
                _tell(machine, str(intent.get("operation")), recovery.recover(layout, lane))
    except Refused:  # somebody works there
        return


def _tell(machine: Machine, number: str, said: list[str]) -> None:
    """Add what was found out to the operation that was given up before."""
    logger.warning("Mended on %s after operation %s: %s", machine, number, " ".join(said))
    given_up = machine.operations.filter(pk=int(number) if number.isdigit() else 0, state=State.INTERRUPTED).first()
    if given_up is None:
        return
    writer = logs.LogWriter(given_up.pk)
    for sentence in said:
        writer.sink(Event("warning", sentence))
    lifecycle.record_log_lines(operation_id=given_up.pk, lines=writer.store())
    lifecycle.add_to_message(operation_id=given_up.pk, text=" ".join(said))
    lifecycle.announce(given_up.pk)
    writer.close(State.INTERRUPTED)


def _stopped(operation: Operation) -> list[dict[str, Any]]:
    return [step | {"state": "interrupted"} if step["state"] == "running" else step for step in operation.steps]


def _hold(held: ExitStack, operation: Operation) -> bool:
    """Take the lane's lock where this is its machine; False while somebody has it who may still write the log."""
    if not observation.is_here(operation.machine):
        return True
    layout = Layout(Path(operation.machine.root))
    try:
        held.enter_context(locks.lane_lock(layout, operation.lane, f"{locks.RECOVERY} of a log"))
    except (Refused, OSError):
        return False
    return True
