"""People who want things done while everything dies around them: each wish is asked for until it has come true once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection

from stacks import operations
from stacks.engine.errors import Refused
from stacks.models import Operation
from tests.faults.delivery.fleet import Host

T = TypeVar("T")
PATIENCE = 300.0  # seconds for one operation, after which it is stuck for good


class Wisher(threading.Thread):
    """One person at one lane of one machine, with one wish after the other; `waited` tells how long operations took."""

    def __init__(self, host: Host, lane: str, wishes: list[int], granted: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._host, self._lane, self._wishes, self._granted = host, lane, wishes, granted
        self.waited: list[float] = []
        self.stuck: list[int] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for wish in self._wishes:
                while not self._come_true(wish) and not self.stuck:
                    pass
                self._granted()
        except Exception as error:  # whoever joins this thread raises it
            self.error = error
        finally:
            connection.close()

    def _come_true(self, wish: int) -> bool:
        operation, began = self._asked(wish), time.monotonic()
        while (state := patiently(lambda: _state(operation.pk))) not in Operation.FINAL:
            if time.monotonic() - began > PATIENCE:
                self.stuck.append(operation.pk)
                return False
            time.sleep(0.05)
        self.waited.append(time.monotonic() - began)
        return state == "succeeded"

    def _asked(self, wish: int) -> Operation:
        """Give a wish's operation: one under way, perhaps by a submission whose answer was lost, or a new one."""
        while True:
            found = patiently(lambda: self._latest(wish))
            if found is not None and found.state not in Operation.RETRYABLE:
                return found
            try:
                if found is not None:
                    return operations.retry(operation=found, by=None)
                return self._host.ask("print:3", lane=self._lane, wish=wish)
            except Refused:  # the lane is busy with what was submitted without an answer
                time.sleep(0.1)
            except (DatabaseError, InterfaceError):
                connection.close()
                time.sleep(0.2)

    def _latest(self, wish: int) -> Operation | None:
        asked = Operation.objects.filter(machine=self._host.machine, lane=self._lane, parameters__wish=wish)
        return asked.select_related("machine").order_by("-pk").first()


def patiently(ask: Callable[[], T]) -> T:
    """Ask a database that is away at times, until it answers."""
    while True:
        try:
            return ask()
        except (DatabaseError, InterfaceError):
            connection.close()
            time.sleep(0.2)


def _state(number: int) -> str:
    return str(Operation.objects.values_list("state", flat=True).get(pk=number))
