"""Who clicks deploys, rolls out and looks at the dashboard; and the clock."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.fleet.plane import Plane

CLICKS = 1.0  # a second, by all people together
VERSIONS = ("2026-10-30", "2026-11-12", "2026-11-20")


def rolled(size: int) -> int:
    """Over how many machines the rollout of a size goes."""
    return max(5, size // 10)


class People:
    """All of them, each in a thread."""

    def __init__(self, plane: Plane, size: int, seconds: float) -> None:
        self._plane, self._size = plane, size
        self._until = time.monotonic() + seconds
        self.pages: list[float] = []
        self.clock: list[float] = []
        self.rolled_out: float | None = None

    def work(self) -> None:
        """Do it all until the time is over."""
        threads = [threading.Thread(target=work) for work in (self._click, self._roll_out, self._tick, self._look)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def ended(self, since: Any) -> int:
        """Count the operations that ended well."""
        from stacks.models import Operation

        return Operation.objects.filter(created_at__gte=since, state="succeeded").count()

    def _goes_on(self, pause: float) -> bool:
        from django.db import connection

        connection.close()  # as after each request
        time.sleep(min(pause, max(0.0, self._until - time.monotonic())))
        return time.monotonic() < self._until

    def _click(self) -> None:
        from stacks import operations
        from stacks.engine.errors import Refused
        from stacks.models import Machine

        theirs = self._plane.machines[rolled(self._size) : self._size]
        while self._goes_on(1 / CLICKS):
            machine = Machine.objects.get(pk=self._plane.chance.choice(theirs).pk)
            version = self._plane.chance.choice([one for one in VERSIONS if one != machine.observed["active"]])
            try:
                operations.deploy(machine=machine, version=version, requested_by=self._plane.admin)
            except Refused:  # it is at work already
                continue

    def _roll_out(self) -> None:
        from stacks import rollouts
        from stacks.models import Machine, Rollout
        from stacks.rollouts import Pace

        chosen = [one.pk for one in self._plane.machines[: rolled(self._size)]]
        self._plane.machines[0].refresh_from_db()
        version = next(one for one in VERSIONS if one != self._plane.machines[0].observed["active"])
        machines = list(Machine.objects.filter(pk__in=chosen))
        began = time.monotonic()
        made = rollouts.deploy(
            machines=machines, pace=Pace(canary=1, batch=max(5, len(machines) // 4)), version=version,
            requested_by=self._plane.admin, reason="bench",
        )  # fmt: skip
        while self._goes_on(0.2):
            if Rollout.objects.values_list("state", flat=True).get(pk=made.pk) == "succeeded":
                self.rolled_out = time.monotonic() - began
                return

    def _tick(self) -> None:
        from stacks import tasks

        while True:
            began = time.monotonic()
            for task in (tasks.sweep, tasks.reap, tasks.back_up):
                task.run()
            self.clock.append(time.monotonic() - began)
            if not self._goes_on(10):
                return

    def _look(self) -> None:
        from django.test import Client

        client = Client(headers={"Host": "localhost"})
        client.force_login(self._plane.admin)
        while True:
            began = time.monotonic()
            assert client.get("/").status_code == 200
            self.pages.append(time.monotonic() - began)
            if not self._goes_on(2):
                return
