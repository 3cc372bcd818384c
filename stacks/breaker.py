"""Redis for whoever can do without it: bounded waits, and no wait at all for a while after a failure."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

PATIENCE = 0.5  # seconds for one answer
PAUSE = 5.0  # seconds without a try after a failure

logger = logging.getLogger(__name__)
T = TypeVar("T")


@lru_cache(maxsize=1)
def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=PATIENCE,
        socket_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


class Breaker:
    """Keeps a process from waiting for a Redis that is away: after a failure nothing is tried for a while."""

    def __init__(self) -> None:
        self._open_until = 0.0
        self._lock = threading.Lock()

    def call(self, work: Callable[[Redis], T]) -> T | None:
        """Do some work with Redis and give its result; None when Redis is away."""
        if time.monotonic() < self._open_until:
            return None
        try:
            return work(_client(settings.DLSTACK.redis_url))
        except (RedisError, OSError) as error:
            with self._lock:
                self._open_until = time.monotonic() + PAUSE
            logger.warning("Redis is away; it is tried again in %s s: %s", PAUSE, error)
            return None


breaker = Breaker()
