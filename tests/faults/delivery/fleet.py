"""Machines with real workers of their own, what they ran, and what became of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from stacks import operations
from stacks.engine import ramdisk
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.models import Machine, Operation
from tests.conftest import REPOSITORY

KINDS = {"build": "build", "live": "deploy"}


class Worker:
    """A real Celery worker of one lane of one machine."""

    def __init__(self, host: Host, lane: str, variables: dict[str, str]) -> None:
        self.lane = lane
        self.log = host.home / f"worker-{lane}.log"
        arguments = ["--pool", "solo", "-Q", f"{host.name}.{lane}", "-n", f"{lane}@{host.name}"]
        command = [sys.executable, "-m", "celery", "-A", "tests.faults.delivery.app", "worker", "-l", "INFO"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *arguments, "--without-gossip", "--without-mingle"],
                env=variables, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def send(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait(30)


@dataclass
class Host:
    """A machine: its row, its root, its home, its workers; `haste` and `impatience` shorten their times."""

    machine: Machine
    layout: Layout
    home: Path
    database_url: str
    haste: float
    impatience: float
    workers: list[Worker] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def ran_file(self) -> Path:
        return self.home / "ran"

    def work(self, lane: str, **variables: str) -> Worker:
        """Start a worker of a lane."""
        ours = {
            "DLSTACK_MACHINE": self.name, "DLSTACK_HOME": str(self.home), "DLSTACK_ROOT": str(self.layout.root),
            "DATABASE_URL": self.database_url, "REDIS_URL": settings.DLSTACK.redis_url,
            "DJANGO_SETTINGS_MODULE": "dlstackweb.settings", "HASTE": str(self.haste),
            "IMPATIENCE": str(self.impatience),
        }  # fmt: skip
        worker = Worker(self, lane, {**os.environ, **ours, **variables})
        self.workers.append(worker)
        return worker

    def worker(self, lane: str) -> Worker:
        """Give the worker of a lane that was started last."""
        return next(worker for worker in reversed(self.workers) if worker.lane == lane)

    def has_worker(self, lane: str) -> bool:
        return any(worker.lane == lane and worker.process.poll() is None for worker in self.workers)

    def ask(self, *work: str, lane: str = "build", **parameters: Any) -> Operation:
        """Submit an operation that does the words of `work`."""
        asked = {"version": "a", "work": list(work), "ran": str(self.ran_file), **parameters}
        return operations.submit(machine=self.machine, kind=KINDS[lane], parameters=asked)

    def ran(self, word: str = "begin") -> Counter[int]:
        """Count by operation how often a word of the plan was carried out."""
        lines = self.ran_file.read_text().splitlines() if self.ran_file.exists() else []
        said = [line.split() for line in lines]
        return Counter(int(number) for name, number in said if name == word)

    def dismiss(self) -> None:
        for worker in self.workers:
            worker.send(signal.SIGCONT)
            worker.kill()
        self.workers.clear()
        ramdisk_place = ramdisk.private_directory(self.layout)
        if ramdisk_place.is_dir():
            subprocess.run(["rm", "-rf", "--", str(ramdisk_place)], check=True)


def new_host(name: str, place: Path, database_url: str, *, haste: float = 10.0, impatience: float = 5.0) -> Host:
    """Register a machine with a root and a home of its own."""
    own = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=place))  # another test may have had one of this name
    own.chmod(0o711)
    home, layout = own / "home", Layout(own / "root")
    home.mkdir(mode=0o711)
    ramdisk.prepare(layout, resolve())
    machine = Machine.objects.create(name=name, root=str(layout.root))
    return Host(machine, layout, home, database_url, haste, impatience)


def state_of(operation: Operation) -> str:
    return str(Operation.objects.values_list("state", flat=True).get(pk=operation.pk))


def ended(operation: Operation) -> bool:
    return state_of(operation) in Operation.FINAL
