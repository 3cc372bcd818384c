"""Waiting for a database that is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

from stacks.operations.concluding import AWAY

PATIENCE = 60.0  # seconds

T = TypeVar("T")
logger = logging.getLogger(__name__)


def persistently(work: Callable[[], T], is_stopping: Callable[[], bool]) -> T:
    """Ask the database again and again while it is away; raises its error when that lasts, or the worker must end."""
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except AWAY as error:
            connection.close()
            if time.monotonic() > give_up_at or is_stopping():
                raise
            logger.warning("The database is away: %s", error)
            time.sleep(1)
