"""A machine whose root is a real one, versions on its disk, a real Valkey and real workers with tiny plans."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from stacks import activations, observation, recipes
from stacks.engine.layout import Layout
from stacks.logs import spooled_operations
from stacks.logs.spool import directory
from stacks.models import Activation, Machine, Operation, RecipeRevision, Version
from tests import databases
from tests.broker import Broker
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


def state_of(operation: Operation) -> str:
    return str(Operation.objects.values_list("state", flat=True).get(pk=operation.pk))


class Worker:
    """A real Celery worker of one lane, whose plans are those of `tests.stacks.tiny`."""

    def __init__(self, lane: str, *, period: float = 1.0, grace: float = 0) -> None:
        variables = {"DATABASE_URL": databases.url(), "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
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
                env={**os.environ, **variables, "TINY_PERIOD": str(period), "DLSTACK_GRACE": str(grace)},
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

    def alone(self, lane: str, *, period: float = 1.0, grace: float = 0) -> Worker:
        """Give a new worker after the end of all others; `period` of its upkeep and `grace` are in seconds."""
        self.dismiss()
        self._workers[lane] = Worker(lane, period=period, grace=grace)
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
