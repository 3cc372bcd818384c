"""One claimed operation while it runs: its log, its steps, and the wrapper that gives it a final state."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from stacks import observation, operations
from stacks.engine import keeping, owner, recovery
from stacks.engine.errors import Cancelled, EngineError, Interrupted
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.masks import Mask
from stacks.engine.stop import Stop
from stacks.logs import Capped, LogWriter
from stacks.models import Operation
from stacks.operations import attempts
from stacks.operations.attempts import Conclusion
from stacks.plans.base import Context, Plan, execute
from stacks.running import endings
from stacks.running.patience import persistently
from stacks.running.pulse import Pulse

CAME_BACK = "Its worker came back, and had done it before it noticed:"
GIVEN_UP = "This operation was given up while its worker was silent: nothing more is changed."

T = TypeVar("T")
PlanFor = Callable[[str, Context], Plan]
State = Operation.State
logger = logging.getLogger(__name__)


class Attempt:
    """The attempt to carry out one claimed operation; raises OSError when its log cannot be opened.

    Raises DatabaseError where the database cannot tell how long that log is.
    """

    def __init__(self, operation: Operation, is_stopping: Callable[[], bool]) -> None:
        self._operation = operation
        self._layout = Layout(Path(operation.machine.root))
        self._is_stopping = is_stopping
        self._stop = Stop()
        self._writer = LogWriter(operation.pk)
        attempts.begin(self._layout, operation.pk)
        self._steps = operations.StepRecorder(operation.pk, self._writer)
        self._outcome: dict[str, Any] = {}
        self._mask = Mask()
        self._capped = Capped(self._writer.sink, settings.DLSTACK.log_limit)

    def carry_out(self, plan_for: PlanFor, lock: int) -> None:
        """Plan, execute, record; the wrapper for every way out. Only the end of the process is raised again."""
        with Pulse(self._operation.pk, self._stop, self._is_stopping), keeping.until_the_end():
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
            # Rights may have been taken away since the click.
            operations.refuse_unless_allowed(by=asked.requested_by, right=operations.right_for(asked.kind))
            for sentence in recovery.recover(self._layout, self._operation.lane):
                context.tell("warning", sentence)
            self._patiently(partial(self._refuse_if_barred, asked))
            plan = plan_for(asked.kind, context)
        except Exception as error:
            self._say(str(error))
            raise
        self._steps.begin(plan)
        return plan, context

    def _refuse_if_barred(self, asked: Operation) -> None:
        version = asked.parameters.get("version", "")
        operations.refuse_if_barred(machine=asked.machine, kind=asked.kind, version=version)

    def _context(self, lock: int) -> Context:
        operation = self._operation
        kept = self._patiently(partial(operations.known_now, operation))
        return Context(
            layout=self._layout,
            owner=owner.resolve(operation.machine.owner),
            operation=str(operation.pk),
            parameters=operation.parameters | kept,
            emit=self._emit,
            progress=self._steps.progress,
            stop=self._stop,
            fence=self._fence,
            lock_fds=(lock,),
            outcome=self._outcome,
            terms=settings.DLSTACK.terms,
            mask=self._mask,
            wire=settings.DLSTACK.wire,
        )

    def _patiently(self, ask: Callable[[], T]) -> T:
        return persistently(ask, self._is_stopping)

    def _fence(self) -> None:
        """Raise Interrupted when the reaper gave this operation up, as after a long stop of this process."""
        try:
            given_up = not operations.is_running(operation_id=self._operation.pk)
        except (DatabaseError, InterfaceError):  # it cannot say so; the lane's lock is ours, so nobody else works here
            connection.close()
            return
        if given_up:
            self._stop.interrupted.set()
            raise Interrupted(GIVEN_UP)

    def _explained(self, error: BaseException) -> Conclusion:
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
        except (DatabaseError, InterfaceError):
            return "an operator"
        return str(asked.cancel_requested_by or "the command line")

    def _say(self, text: str) -> None:
        self._emit(Event("error", text))

    def _emit(self, event: Event) -> None:
        # What programs print has been masked where it was read, also where a secret came in two pieces.
        shown = event if event.kind == "output" else replace(event, text=self._mask.text(event.text))
        self._capped(shown)

    def _conclude(self, ending: Conclusion) -> None:
        self._capped.flush()
        conclusion = replace(ending, outcome=self._outcome, steps=self._steps.steps)
        attempts.end(self._operation.pk, conclusion)
        try:
            persistently(partial(self._finish, conclusion), self._is_stopping)
        except Exception:  # the lock is freed without an end on record: the reaper writes the one that is on disk
            logger.exception("The end of operation %s (%s) could not be recorded", self._operation.pk, ending.state)
        else:
            attempts.forget(self._operation.pk)
        try:
            observation.refresh(self._operation.machine)
        except Exception:  # what was done is recorded; the next look will see it
            logger.exception("Looking at the disk of %s", self._operation.machine)
        self._writer.close(ending.state)

    def _finish(self, conclusion: Conclusion) -> None:
        lines = self._writer.store()
        if not operations.conclude(operation_id=self._operation.pk, conclusion=conclusion, log_lines=lines):
            logger.warning("Operation %s had been given up before it ended as %s", self._operation.pk, conclusion.state)
            operations.record_log_lines(operation_id=self._operation.pk, lines=lines)
            if conclusion.state == State.SUCCEEDED:
                operations.add_to_message(operation_id=self._operation.pk, text=f"{CAME_BACK} {conclusion.message}")
