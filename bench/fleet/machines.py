"""Simulated machines: workers that do by threads what a thousand processes do, with the product's own code.

    python -m bench.fleet.machines FIRST COUNT FILE

Each machine has a root, locks, journals and spools of its own on this disk, and two lanes. Its workers' upkeep is
`stacks.worker.Upkeep`; what is rung for is taken from its queue in Redis and carried out by `stacks.running.run` with a
deploy that copies nothing. What a machine reads from its own disk is told from memory: that costs the machine, not the
control plane. Runs until its input is closed, then writes what it measured.
"""

from __future__ import annotations

import base64
import heapq
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

UPKEEPERS, RUNNERS = 16, 12  # threads
STEP_LINES, STEP_SECONDS = 20, 0.3  # of a deploy's two steps
CHUNK = 250  # queues that one connection listens to


class Here(threading.local):
    """Which machine the running thread is."""

    name, place = "", Path("/nonexistent")


here = Here()


class OwnSettings:
    """The settings of this process, but for what differs from machine to machine."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if name == "machine":
            return here.name
        if name == "root":
            return here.place
        return getattr(self._real, name)


class OwnSpool:
    """The directory of the running machine's logs."""

    def __fspath__(self) -> str:
        return str(here.place / "spool")


def be(name: str, places: Path) -> None:
    here.name, here.place = name, places / name


class Machines:
    """Some machines, and what was measured of them."""

    def __init__(self, names: list[str], places: Path) -> None:
        self.names, self.places = names, places
        self.active: dict[str, str] = {}
        self.rounds: list[tuple[float, float, float]] = []  # when, how late, how long
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.failures = 0

    def prepare(self) -> None:
        """Put the machines' own knowledge where the product looks for it."""
        from django.conf import settings

        from access import origin
        from stacks import glance, observation

        settings.DLSTACK, settings.LOG_SPOOL = OwnSettings(settings.DLSTACK), OwnSpool()
        observation.observe = self._observe  # type: ignore[assignment]
        glance._sources.clear()  # noqa: SLF001 — kernels that run on this host
        origin.become_worker()
        for name in self.names:
            (self.places / name / ".dlstack").mkdir(parents=True, exist_ok=True)
            (self.places / name / "spool").mkdir(exist_ok=True)

    def _observe(self, machine: Any) -> dict[str, Any]:
        from tests.believable import elsewhere

        return elsewhere("/data0", self.active.get(machine.name, "2026-11-12"))

    def keep_up(self) -> None:
        """Do the upkeep of all workers, each in its own time."""
        from stacks import worker

        chance, now = random.Random(len(self.names)), time.monotonic()
        due: list[tuple[float, int, str, Any]] = []
        for name in self.names:
            for lane in ("build", "live"):
                upkeep = worker.Upkeep(lane)
                upkeep._looked_at = now - chance.uniform(0, worker.LOOK)  # noqa: SLF001 — as if it had begun then
                due.append((now + chance.uniform(0, worker.PERIOD), len(due), name, upkeep))
        heapq.heapify(due)
        threads = [threading.Thread(target=self._upkeeper, args=(due, worker.PERIOD)) for _ in range(UPKEEPERS)]
        for thread in threads:
            thread.start()

    def _upkeeper(self, due: list[Any], period: float) -> None:
        while not self.stopping.is_set():
            with self.lock:
                at, number, name, upkeep = heapq.heappop(due) if due else (0.0, 0, "", None)
            if upkeep is None:
                time.sleep(0.01)
                continue
            if self.stopping.wait(max(0.0, at - time.monotonic())):
                return
            be(name, self.places)
            began = time.monotonic()
            upkeep.round()
            took = time.monotonic() - began
            with self.lock:
                self.rounds.append((began, began - at, took))
                heapq.heappush(due, (began + took + period, number, name, upkeep))

    def listen(self) -> None:
        """Take what is rung for, and carry it out."""
        pool = ThreadPoolExecutor(RUNNERS)
        for first in range(0, len(self.names), CHUNK):
            threading.Thread(target=self._listener, args=(self.names[first : first + CHUNK], pool.submit)).start()

    def _listener(self, names: list[str], submit: Callable[..., Any]) -> None:
        from django.conf import settings
        from redis import Redis

        prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
        queues = {f"{prefix}{name}.live": name for name in names}
        redis: Any = Redis.from_url(settings.DLSTACK.redis_url, decode_responses=True)
        while not self.stopping.is_set():
            if found := redis.brpop(list(queues), timeout=1):
                body = json.loads(base64.b64decode(json.loads(found[1])["body"]))
                submit(self._run, queues[found[0]], body[0][0])

    def _run(self, name: str, operation_id: int) -> None:
        from django.db import connection

        from stacks import running

        be(name, self.places)
        try:
            running.run(operation_id, plan_for=self._plan)
        except Exception as error:
            self.failures += 1
            print(f"{name}: {error!r}", file=sys.stderr)
        finally:
            connection.close()

    def _plan(self, kind: str, context: Any) -> Any:
        from stacks.plans.base import Plan, Step

        def work(context: Any) -> None:
            for number in range(STEP_LINES):
                context.tell("output", f"file {number} of {STEP_LINES}: /data0/sw.tmpfs/lib/python3/site-packages")
                time.sleep(STEP_SECONDS / STEP_LINES)

        def activate(context: Any) -> None:
            self.active[here.name] = context.parameters["version"]
            context.outcome.update(version=context.parameters["version"], healthy=True)

        steps = (Step("copy", "Copy", "Copies.", work), Step("verify", "Verify", "Verifies.", work))
        return Plan(kind, "Deploys nothing.", (*steps, Step("activate", "Activate", "Activates.", activate)))


def main() -> None:
    first, count, file = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    import logging

    import django

    django.setup()
    logging.disable(logging.WARNING)
    machines = Machines([f"m{number:04}" for number in range(first, first + count)], Path(os.environ["FLEET_PLACES"]))
    machines.prepare()
    machines.keep_up()
    machines.listen()
    print("ready", flush=True)
    sys.stdin.read()
    machines.stopping.set()
    file.write_text(json.dumps({"rounds": machines.rounds, "failures": machines.failures}))
    os._exit(0)  # threads that wait for what is not there any more


if __name__ == "__main__":
    main()
