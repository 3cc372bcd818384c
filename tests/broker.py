"""The embedded Valkey of the tests' home: one for all files that a process takes, as there is one socket."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from stacks.breaker import breaker
from stacks.embedded.configuration import write_configurations
from stacks.embedded.home import prepare_home
from stacks.embedded.services import services
from stacks.operations import doorbell
from tests.waiting import until


class Broker:
    """The embedded Valkey, started with the configuration that users get."""

    def __init__(self) -> None:
        prepare_home(settings.DLSTACK)
        found = services(settings.DLSTACK, web=False)
        write_configurations(settings.DLSTACK, found)
        server, *rest = next(service.command for service in found if service.name == "valkey")
        self._command = (os.environ.get("DLSTACK_TEST_REDIS", server), *rest)  # of tests.production
        self._process: subprocess.Popen[bytes] | None = None
        self.redis: Any = Redis.from_url(settings.DLSTACK.redis_url, decode_responses=True)

    def have(self) -> None:
        """Have it run, whatever a test before did to it."""
        if self._process is None:
            self.start()
        self.forgive()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        until(self._answers)
        self.forgive()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wipe(self) -> None:
        """Remove all that it has on disk; it must not run."""
        shutil.rmtree(Path(settings.DLSTACK.home) / "valkey" / "appendonlydir", ignore_errors=True)

    def forgive(self) -> None:
        """Forget that Redis was away, as time does."""
        breaker._open_until = 0.0
        doorbell._Broker.quiet_until = 0.0

    def _answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except (OSError, RedisError):
            return False


@pytest.fixture(scope="session")
def valkey() -> Iterator[Broker]:
    broker = Broker()
    broker.start()
    yield broker
    broker.redis.close()
    broker.stop()


@pytest.fixture
def broker(valkey: Broker) -> Broker:
    """A Valkey that runs and is empty."""
    valkey.have()
    valkey.redis.flushall()
    return valkey


@pytest.fixture
def no_broker(valkey: Broker) -> Iterator[None]:
    """A Valkey that is away."""
    valkey.stop()
    valkey.forgive()
    yield
    valkey.start()
