"""Beat does by itself what its schedule says, instead of asking a worker for it.

A control plane has no worker of its own: what was sent would wait in a queue that nobody reads, and grow there. And it
goes on while the broker is away, which is when the sweeper is needed.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from django.db import close_old_connections, connection

from access import origin
from stacks import compatibility

logger = logging.getLogger(__name__)


class Clock(PersistentScheduler):
    """Carries out each task in this process when its time has come, one after the other."""

    producer = None  # type: ignore[assignment]  # which would wait for the broker

    def setup_schedule(self) -> None:
        """Take up the schedule where it was left."""
        origin.become_worker()
        super().setup_schedule()

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **_: Any) -> None:
        """Carry out one task; what goes wrong there is told, and tried again when it is due again."""
        if advance:
            self.reserve(entry)
        close_old_connections()
        try:
            if hindrance := compatibility.hindrance():
                logger.error("No %s: %s", entry.task, hindrance)
            else:
                self.app.tasks[str(entry.task)].run()
        except Exception:
            logger.exception("%s", entry.task)
        finally:
            connection.close()
