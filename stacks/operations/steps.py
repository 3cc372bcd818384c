"""The steps of a running operation as its row and its pages show them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Protocol

from django.db import Error as DatabaseTrouble
from django.db import connection

from stacks.engine.events import Progress
from stacks.operations.lifecycle import record_steps
from stacks.plans.base import Plan

THROTTLE = 0.5  # seconds between two records of progress

logger = logging.getLogger(__name__)


class Told(Protocol):
    """Whoever tells the pages about a new state; the log's writer does."""

    @property
    def next_line(self) -> int:
        """The number that the next line of the log gets."""

    def state(self, document: dict[str, Any]) -> None:
        """Tell a state."""


class StepRecorder:
    """Observes a plan: keeps {name, title, explains, state, started, finished, line, progress} per step.

    States: waiting, running, succeeded, failed, cancelled, interrupted; times are in seconds since the epoch, and
    `line` is the number of the step's first line in the log. A database that is away for a moment costs some records,
    never the operation.
    """

    def __init__(self, operation_id: int, told: Told) -> None:
        self._operation_id = operation_id
        self._told = told
        self._lock = threading.Lock()
        self._written_at = 0.0
        # Durations by the monotonic clock: the other one is set at times, and no step ends before it began.
        self._epoch = time.time() - time.monotonic()
        self.steps: list[dict[str, Any]] = []

    def begin(self, plan: Plan) -> None:
        """Record the steps that are to come."""
        self.steps = [
            {
                "name": step.name,
                "title": step.title,
                "explains": step.explains,
                "state": "waiting",
                "started": None,
                "finished": None,
                "line": None,
                "progress": None,
            }
            for step in plan.steps
        ]
        self._write()

    def step_started(self, name: str) -> None:
        """Record that a step begins."""
        self._change(name, state="running", started=self._now(), line=self._told.next_line)

    def step_finished(self, name: str, state: str) -> None:
        """Record that a step ended; with the next one that begins, or the operation's end, where it succeeded."""
        values = {"state": state, "finished": self._now()}
        if state == "succeeded":
            with self._lock:
                self._set(name, **values)
        else:
            self._change(name, **values)

    def progress(self, progress: Progress) -> None:
        """Record how far a step is, twice a second at most."""
        told = {"done": progress.done, "total": progress.total, "unit": progress.unit}
        with self._lock:
            self._set(progress.step, progress=told)
            if time.monotonic() - self._written_at < THROTTLE:
                return
        self._write()

    @property
    def running_title(self) -> str:
        """The title of the step that was begun last, "" before the first."""
        return next((step["title"] for step in reversed(self.steps) if step["started"]), "")

    def _now(self) -> float:
        return self._epoch + time.monotonic()

    def _change(self, name: str, **values: Any) -> None:
        with self._lock:
            self._set(name, **values)
        self._write()

    def _set(self, name: str, **values: Any) -> None:
        for step in self.steps:
            if step["name"] == name:
                step.update(values)

    def _write(self) -> None:
        with self._lock:
            self._written_at = time.monotonic()
            steps = [dict(step) for step in self.steps]
        try:
            record_steps(operation_id=self._operation_id, steps=steps)
        except DatabaseTrouble as error:
            logger.warning("The steps of operation %s were not recorded: %s", self._operation_id, error)
            connection.close()
        self._told.state({"state": "running", "steps": steps})
