"""Services that are stopped while production changes, and started again whatever happens (design §5, faults F4)."""

from __future__ import annotations

from functools import partial

from stacks.engine import services
from stacks.engine.errors import Failed
from stacks.engine.services import Service
from stacks.plans.base import Context, Step, Work


class Pausing:
    """The services of one operation: those that ran when it began are stopped, and they alone are started again."""

    def __init__(self, listed: list[Service]) -> None:
        self._listed = listed
        self._ran: list[Service] = []

    @property
    def names(self) -> list[str]:
        """The services that ran when `look` was called."""
        return [service.name for service in self._ran]

    def look(self) -> list[str]:
        """Find out what runs now, for the journal; gives the names."""
        self._ran = services.running(self._listed)
        return self.names

    def steps(self, then: Work = lambda _: None) -> tuple[Step, Step]:
        """Give the step that stops them, undone by starting them, and the one that starts them, and does `then`."""
        named = ", ".join(service.name for service in self._listed)
        stops = f"Stops {named or 'nothing: no service is configured, so stop what runs yourself'}"
        pause = Step("pause", "Pause services", f"{stops}; waits until they are down.", self._pause, self._resume)
        explains = "Starts again what ran before, and nothing else."
        return pause, Step("resume", "Resume services", explains, partial(self._end, then))

    def _end(self, then: Work, context: Context) -> None:
        self._resume(context)
        then(context)

    def _pause(self, context: Context) -> None:
        services.pause(self._ran, context.sink, lock_fds=context.lock_fds)

    def _resume(self, context: Context) -> None:
        if failed := services.resume(self._ran, context.sink):
            context.outcome["not_started"] = failed
            raise Failed(f"{', '.join(failed)} did not start again: start it by hand and look at its log.")
