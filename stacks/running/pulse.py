"""The thread beside a running operation: says that its worker lives, and hears that it should end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from django.db import Error as DatabaseTrouble
from django.db import connection

from stacks import operations
from stacks.engine.stop import Stop

BEAT = 10.0  # seconds between heartbeats
LOOK = 1.0  # seconds between looks for a request to cancel
TICK = 0.2

logger = logging.getLogger(__name__)


class Pulse:
    """Runs from `with` to its end: beats, and passes on a request to cancel or the end of the worker to `stop`.

    An operation that is not running any more was given up by the reaper: then the work is interrupted.
    """

    def __init__(self, operation_id: int, stop: Stop, is_stopping: Callable[[], bool]) -> None:
        self._operation_id = operation_id
        self._stop = stop
        self._is_stopping = is_stopping
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"pulse-{operation_id}", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the thread."""
        self.end()

    def end(self) -> None:
        """End the thread; ending twice is the same as once."""
        self._done.set()
        self._thread.join()

    def _work(self) -> None:
        beat_at = time.monotonic() + BEAT
        look_at = 0.0
        try:
            while not self._done.wait(TICK):
                if self._is_stopping():
                    self._stop.interrupted.set()
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK
                    self._try(self._look)
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT
                    self._try(self._beat)
        finally:
            connection.close()

    def _look(self) -> None:
        if operations.is_cancel_requested(operation_id=self._operation_id):
            self._stop.cancelled.set()
        elif not operations.is_running(operation_id=self._operation_id) and not self._done.is_set():
            self._stop.interrupted.set()

    def _beat(self) -> None:
        operations.heartbeat(operation_id=self._operation_id)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DatabaseTrouble as error:
            logger.warning("The database is away while operation %s runs: %s", self._operation_id, error)
            connection.close()
