"""One claimed operation while it runs: its log, its steps, and the wrapper that gives it a final state."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from stacks import observation, operations, records
from stacks.engine import owner, recovery
from stacks.engine.errors import Cancelled, EngineError, Interrupted, Refused
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.masks import Mask
from stacks.engine.stop import Stop
from stacks.logs import Capped, LogWriter
from stacks.models import Operation
from stacks.plans.base import Context, Plan, execute
from stacks.running import endings
from stacks.running.endings import Ending
from stacks.running.pulse import Pulse
from stacks.signals import recorded

DATABASE_PATIENCE = 60.0  # seconds to write the outcome down
AWAY = (OperationalError, InterfaceError)

PlanFor = Callable[[str, Context], Plan]
State = Operation.State
logger = logging.getLogger(__name__)


class Attempt:
    """The attempt to carry out one claimed operation; raises OSError when its log cannot be opened."""

    def __init__(self, operation: Operation, is_stopping: Callable[[], bool]) -> None:
        self._operation = operation
        self._layout = Layout(Path(operation.machine.root))
        self._is_stopping = is_stopping
        self._stop = Stop()
        self._writer = LogWriter(operation.pk)
        self._steps = operations.StepRecorder(operation.pk, self._writer)
        self._outcome: dict[str, Any] = {}
        self._mask = Mask()
        self._capped = Capped(self._writer.sink, settings.DLSTACK.log_limit)

    def carry_out(self, plan_for: PlanFor, lock: int) -> None:
        """Plan, execute, record; the wrapper for every way out. Only the end of the process is raised again."""
        with Pulse(self._operation.pk, self._stop, self._is_stopping):
            try:
                plan, context = self._prepare(plan_for, lock)
                execute(plan, context, self._steps)
            except BaseException as error:  # whatever it was, the row must say so
                self._conclude(self._explained(error))
                if not isinstance(error, Exception):
                    raise
            else:
                self._conclude(endings.succeeded(self._operation, self._outcome))

    def _prepare(self, plan_for: PlanFor, lock: int) -> tuple[Plan, Context]:
        try:
            context, asked = self._context(lock), self._operation
            for sentence in recovery.recover(self._layout, self._operation.lane):
                context.tell("warning", sentence)
            version = asked.parameters.get("version", "")
            operations.refuse_if_barred(machine=asked.machine, kind=asked.kind, version=version)
            plan = plan_for(asked.kind, context)
        except Exception as error:
            self._say(str(error))
            raise
        self._steps.begin(plan)
        return plan, context

    def _context(self, lock: int) -> Context:
        operation = self._operation
        return Context(
            layout=self._layout,
            owner=owner.resolve(operation.machine.owner),
            operation=str(operation.pk),
            parameters=operation.parameters | operations.kept_versions(operation),
            emit=self._emit,
            progress=self._steps.progress,
            stop=self._stop,
            lock_fds=(lock,),
            outcome=self._outcome,
            terms=settings.DLSTACK.terms,
            mask=self._mask,
        )

    def _explained(self, error: BaseException) -> Ending:
        if isinstance(error, Cancelled):
            return endings.cancelled(self._canceller(), self._steps.running_title)
        if isinstance(error, (Interrupted, SystemExit, KeyboardInterrupt)):
            return endings.interrupted(self._steps.running_title)
        if not isinstance(error, EngineError):
            logger.error("Operation %s", self._operation.pk, exc_info=error)
            self._say("".join(traceback.format_exception(error)).rstrip())
        ending = endings.failed(error)
        return replace(ending, message=self._mask.text(ending.message))

    def _canceller(self) -> str:
        try:
            asked = Operation.objects.select_related("cancel_requested_by").get(pk=self._operation.pk)
        except AWAY:
            return "an operator"
        return str(asked.cancel_requested_by or "the command line")

    def _say(self, text: str) -> None:
        self._emit(Event("error", text))

    def _emit(self, event: Event) -> None:
        # What programs print has been masked where it was read, also where a secret came in two pieces.
        shown = event if event.kind == "output" else replace(event, text=self._mask.text(event.text))
        self._capped(shown)

    def _conclude(self, ending: Ending) -> None:
        self._capped.flush()
        try:
            _persistently(partial(self._finish, ending))
        except Exception:  # the lock is freed without an end on record: the reaper writes one
            logger.exception("The end of operation %s (%s) could not be recorded", self._operation.pk, ending.state)
        try:
            observation.refresh(self._operation.machine)
        except Exception:  # what was done is recorded; the next look will see it
            logger.exception("Looking at the disk of %s", self._operation.machine)
        self._writer.close(ending.state)

    def _finish(self, ending: Ending) -> None:
        finish = partial(
            operations.finish,
            operation_id=self._operation.pk,
            state=ending.state,
            message=ending.message,
            steps=self._steps.steps,
            log_lines=self._writer.store(),
            outcome=endings.kept(self._outcome, ending),
        )
        try:
            finished = finish(record=self._record if ending.state == State.SUCCEEDED else None)
        except AWAY:
            raise
        except Exception:  # a record that is refused must not hide that the machine was changed: its disk is adopted
            logger.exception("The record of operation %s", self._operation.pk)
            finished = finish()
        if not finished:
            logger.warning("Operation %s had been given up before it ended as %s", self._operation.pk, ending.state)

    def _record(self, operation: Operation) -> str:
        told = records.record(operation, self._outcome)
        transaction.on_commit(partial(_tell, operation, self._outcome))
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
        operations.deploy(
            machine=build.machine,
            version=build.parameters["version"],
            requested_by=build.requested_by,
            reason=build.reason,
            parent=build,
        )
    except Refused as refusal:
        return f"It was not deployed: {refusal}"
    return ""


def _persistently(write: Callable[[], None]) -> None:
    """Write to the database, again and again while it is away; raises its error when that lasts."""
    give_up_at = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return write()
        except AWAY as error:
            if time.monotonic() > give_up_at:
                raise
            logger.warning("The database is away: %s", error)
            connection.close()
            time.sleep(1)
