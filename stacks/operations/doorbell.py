"""Ringing a worker: the message carries an operation's id and nothing else (invariant 10)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from django.conf import settings
from kombu import Producer, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from stacks.breaker import breaker
from stacks.models import Operation

TASK = "stacks.tasks.run"
PAUSE = 5.0  # seconds without a try after the broker failed
# A broker that is away must cost a click a moment, not its success: the sweeper rings again.
_BOUNDS = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0, "interval_start": 0, "interval_max": 0}

# An application of its own, that only sends: any process can ring, whether or not it has loaded the workers' one.
app = Celery("doorbell", set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.broker_transport_options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, **_BOUNDS}
logger = logging.getLogger(__name__)


class _Broker:
    """What this process knows of the broker: until when it is not tried, by the monotonic clock."""

    quiet_until = 0.0
    stays_connected = False


def stay_connected() -> None:
    """Have this process keep its connections to the broker, for whom somebody waits each time it rings: the web server.

    Others ring seldom, and there are thousands of them: the broker would hold a connection for each.
    """
    _Broker.stays_connected = True


def queue_of(operation: Operation) -> str:
    """Name the queue of an operation's machine and lane."""
    return f"{operation.machine.name}.{operation.lane}"


def ring(operation: Operation) -> bool:
    """Tell the lane's worker that an operation waits; False when the broker is away, which is no error."""
    if time.monotonic() < _Broker.quiet_until:
        return False
    try:
        with _producer() as producer:
            # A queue object: settings declare only the queues of this process's own machine. Workers declare theirs.
            queue: Any = Queue(queue_of(operation))
            told: dict[str, Any] = {"queue": queue, "declare": [], "producer": producer}
            app.send_task(TASK, [operation.pk], ignore_result=True, retry=False, **told)
    except (OperationalError, RedisError, OSError) as error:
        _Broker.quiet_until = time.monotonic() + PAUSE
        logger.warning("The broker is away; operation %s is rung again later: %s", operation.pk, error)
        return False
    return True


def is_rung(operation: Operation) -> bool:
    """Tell whether a message waits in the operation's queue; then another would only pile up."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    return bool(breaker.call(lambda redis: redis.llen(f"{prefix}{queue_of(operation)}")))


@contextmanager
def _producer() -> Iterator[Producer]:
    """Give what sends; where a connection is kept, Redis' client finds out whether the other end has closed it."""
    if _Broker.stays_connected:
        with app.producer_pool.acquire(block=True) as producer:
            yield producer
    else:
        with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
            yield producer
