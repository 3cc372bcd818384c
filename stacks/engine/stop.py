"""How running work is asked to end."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event as Flag

from stacks.engine.errors import Cancelled, Interrupted


@dataclass
class Stop:
    """Asks running work to end: `cancelled` by an operator, `interrupted` by the end of the worker."""

    cancelled: Flag = field(default_factory=Flag)
    interrupted: Flag = field(default_factory=Flag)

    def is_set(self) -> bool:
        """Tell whether the work should end now."""
        return self.cancelled.is_set() or self.interrupted.is_set()

    def check(self) -> None:
        """Raise Cancelled or Interrupted when the work should end now."""
        if self.interrupted.is_set():
            raise Interrupted("Interrupted: the worker was stopped. Retry when it runs again.")
        if self.cancelled.is_set():
            raise Cancelled("Cancelled on request.")
