"""Beat's scheduler: the entries lie in the database, and beat does itself what is due."""

from __future__ import annotations

import logging
from typing import Any

from django.db import close_old_connections
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from access import origin
from stacks import compatibility

logger = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the library carries no types
    """django-celery-beat's, whose tasks run here instead of waiting in a machine's lane (docs/adr/0026).

    Each only submits or ends operations in the database. That takes milliseconds, and no broker, but where this machine
    itself has something to mend; workers look at what is due meanwhile.
    """

    producer = None  # no connection to the broker is opened

    def setup_schedule(self) -> None:
        """Write the entries of the settings, and remove what neither they nor a schedule know."""
        origin.become_worker()
        ours = set(self.app.conf.beat_schedule)
        PeriodicTask.objects.filter(scheduled=None).exclude(name__in=ours).delete()
        super().setup_schedule()

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **_: Any) -> Any:
        """Run an entry's task to its end; Celery logs what it raises, and it is due again at its next time."""
        reserved = self.reserve(entry) if advance else entry
        close_old_connections()
        if hindrance := compatibility.hindrance():
            logger.error("No %s: %s", reserved.task, hindrance)
            return None
        done = self.app.tasks[reserved.task].apply(reserved.args, reserved.kwargs)
        if self.should_sync():
            self._do_sync()
        return done
