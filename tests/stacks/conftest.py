"""A machine whose root is a real one, versions on its disk, a real Valkey and real workers with tiny plans."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis
from redis.exceptions import RedisError

from stacks import activations, observation, recipes
from stacks.breaker import breaker
from stacks.embedded.configuration import write_configurations
from stacks.embedded.home import prepare_home
from stacks.embedded.services import services
from stacks.engine.layout import Layout
from stacks.logs import spooled_operations
from stacks.logs.spool import directory
from stacks.models import Activation, Machine, Operation, RecipeRevision, Version
from stacks.operations import doorbell
from tests.conftest import REPOSITORY
from tests.engine.conftest import Make, layout, owner, version

__all__ = ["layout", "owner", "version"]

Seal = Callable[[str], Version]


@pytest.fixture
def machine(db: None, layout: Layout) -> Machine:
    return Machine.objects.create(name="local", root=str(layout.root))


@pytest.fixture
def elsewhere(db: None) -> Machine:
    return Machine.objects.create(name="gp12", root="/data0")


@pytest.fixture
def recipe(db: None) -> RecipeRevision:
    return recipes.add_revision(text=(recipes.SHIPPED / "starter.toml").read_text())


@pytest.fixture
def sealed(machine: Machine, version: Make) -> Seal:
    """Seal a version on the machine's disk and have it seen."""

    def make(name: str) -> Version:
        version(name, {"bin/python": f"#!{name}"})
        observation.refresh(machine)
        return machine.versions.get(name=name)

    return make


def activate(row: Version, *, healthy: bool | None = True, reverted: bool = False) -> Activation:
    """Put an activation on record, without a change of the disk."""
    return activations.activate(row.machine, row, healthy=healthy, reverted=reverted)


def until(condition: Callable[[], Any], *, within: float = 10.0) -> Any:
    """Wait for a condition to hold and give what it gave."""
    give_up_at = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > give_up_at:
            pytest.fail(f"not within {within} s")
        time.sleep(0.05)
    return found


def state_of(operation: Operation) -> str:
    return str(Operation.objects.values_list("state", flat=True).get(pk=operation.pk))


class Broker:
    """The embedded Valkey, started with the configuration that users get."""

    def __init__(self) -> None:
        prepare_home(settings.DLSTACK)
        found = services(settings.DLSTACK, web=False)
        write_configurations(settings.DLSTACK, found)
        self._command = next(service.command for service in found if service.name == "valkey")
        self._process: subprocess.Popen[bytes] | None = None
        self.redis: Any = Redis.from_url(settings.DLSTACK.redis_url, decode_responses=True)

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
    if valkey._process is None:
        valkey.start()
    valkey.forgive()
    valkey.redis.flushall()
    return valkey


@pytest.fixture
def no_broker(valkey: Broker) -> Iterator[None]:
    """A Valkey that is away."""
    valkey.stop()
    valkey.forgive()
    yield
    valkey.start()


class Worker:
    """A real Celery worker of one lane, whose plans are those of `tests.stacks.tiny`."""

    def __init__(self, lane: str, *, period: float = 1.0) -> None:
        name = str(connection.settings_dict["NAME"])
        variables = {"DATABASE_URL": f"sqlite:///{name}", "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
        arguments = [
            "--pool",
            "solo",
            "-Q",
            f"local.{lane}",
            "-n",
            f"{lane}@local",
            "--without-gossip",
            "--without-mingle",
        ]
        self.log = Path(settings.DLSTACK.home) / f"worker-{lane}.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.stacks.tiny_worker", "worker", "-l", "INFO", *arguments],
                env={**os.environ, **variables, "TINY_PERIOD": str(period)},
                cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(30)


class Crew:
    """The workers of a module: one that lives is used again, since its start takes longer than most tests."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def have(self, lane: str) -> Worker:
        """Give a worker of a lane that runs."""
        found = self._workers.get(lane)
        if found is None or found.process.poll() is not None:
            self._workers[lane] = found = Worker(lane)
        return found

    def alone(self, lane: str, *, period: float = 1.0) -> Worker:
        """Give a new worker after the end of all others; `period` is that of its upkeep, in seconds."""
        self.dismiss()
        self._workers[lane] = Worker(lane, period=period)
        return self._workers[lane]

    def dismiss(self) -> None:
        for worker in self._workers.values():
            worker.kill()
        self._workers.clear()


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    made = Crew()
    yield made
    made.dismiss()


@pytest.fixture
def workers(transactional_db: None, broker: Broker, crew: Crew) -> Crew:
    return crew


@pytest.fixture(autouse=True)
def _spools_are_removed() -> Iterator[None]:
    """Keep what one test spools from another one whose operation has the same number."""
    yield
    for number in spooled_operations():
        shutil.rmtree(directory(number), ignore_errors=True)
