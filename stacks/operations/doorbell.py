"""Ringing a worker: the message carries an operation's id and nothing else (invariant 10)."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from celery import Celery
from django.conf import settings
from kombu import Connection, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from stacks.breaker import breaker
from stacks.models import Operation

TASK = "stacks.tasks.run"
PAUSE = 5.0  # seconds without a try after the broker failed
AWAY = (OperationalError, RedisError, OSError)
# A broker that is away must cost a click a moment, not its success: the sweeper rings again.
_BOUNDS = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0, "interval_start": 0, "interval_max": 0}

# An application of its own, that only sends: any process can ring, whether or not it has loaded the workers' one.
app = Celery("doorbell", set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
logger = logging.getLogger(__name__)


class _Broker:
    """What this process knows of the broker: until when it is not tried, by the monotonic clock.

    It keeps one connection, which who rings takes in turn: to make one takes longer than all else of a click's ring.
    """

    quiet_until = 0.0

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: Connection | None = None
        self._kept_for: tuple[str, int] = ("", 0)

    def send(self, operation: Operation) -> None:
        """Send the message, on a new connection where the kept one fails; raises what is in AWAY."""
        with self._turn:
            if self._kept_for == _here() and self._kept is not None:
                try:
                    _send(operation, self._kept)
                except AWAY:  # the broker was restarted, or a connection is not kept for ever
                    self._drop()
                else:
                    return
            self._kept, self._kept_for = _connection(), _here()
            try:
                _send(operation, self._kept)
            except AWAY:
                self._drop()
                raise

    def _drop(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.release()


_broker = _Broker()


def _here() -> tuple[str, int]:
    """Tell for whom a connection is: another broker's, or one of the process that this was forked from, is not used."""
    return str(app.conf.broker_url), os.getpid()


def queue_of(operation: Operation) -> str:
    """Name the queue of an operation's machine and lane."""
    return f"{operation.machine.name}.{operation.lane}"


def ring(operation: Operation) -> bool:
    """Tell the lane's worker that an operation waits; False when the broker is away, which is no error."""
    if time.monotonic() < _broker.quiet_until:
        return False
    try:
        _broker.send(operation)
    except AWAY as error:
        _broker.quiet_until = time.monotonic() + PAUSE
        logger.warning("The broker is away; operation %s is rung again later: %s", operation.pk, error)
        return False
    return True


def _send(operation: Operation, connection: Connection) -> None:
    # A queue object: settings declare only the queues of this process's own machine.
    queue: Any = Queue(queue_of(operation))
    app.send_task(TASK, [operation.pk], queue=queue, connection=connection, ignore_result=True, retry=False)


def is_rung(operation: Operation) -> bool:
    """Tell whether a message waits in the operation's queue; then another would only pile up."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    return bool(breaker.call(lambda redis: redis.llen(f"{prefix}{queue_of(operation)}")))


def _connection() -> Connection:
    connection = app.connection_for_write()
    connection.transport_options = {**(connection.transport_options or {}), **_BOUNDS}
    return connection
