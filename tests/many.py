"""Many machines, versions and operations, written in bulk: what the queries and the time of pages are held to."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from stacks.models import (
    Activation,
    Event,
    Joining,
    Machine,
    Operation,
    Recipe,
    RecipeRevision,
    Rollout,
    RolloutTarget,
    ScheduleRun,
    Version,
    Worker,
)
from tests import many_kernels, many_trees, planned
from tests.believable import GB, PACKAGES, RECIPE, elsewhere, steps
from tests.many_kernels import KERNELS

PER_ENVIRONMENT = 300  # packages
KINDS = ("build", "deploy", "backup", "verify", "solve", "revert")
STATES = ("succeeded", "succeeded", "succeeded", "failed", "cancelled", "interrupted")


class Many:
    """Writes `machines`, with `versions` and `operations` spread over them; the same numbers give the same rows.

    The first machine is `here`, with its trees below `root`; `elsewhere` is another; `logged` has a log.
    """

    def __init__(self, root: Path, *, machines: int, versions: int, operations: int) -> None:
        self.chance, self.now = random.Random(5), timezone.now()
        self.people = [User.objects.create_user(f"user{number}") for number in range(8)]
        self.admin = User.objects.create_superuser("admin")
        self.revisions = [self._recipe(number) for number in range(6)]
        self.root = root
        self.machines = Machine.objects.bulk_create(map(self._machine, range(machines)))
        self.operations = self._operations(operations)
        self.versions = self._versions(versions // machines)
        self._activations()
        self._events()
        self.joinings = self._joinings()
        self.rollouts = self._rollouts()
        self.here, self.elsewhere = self.machines[0], self.machines[-1]
        self.schedules, self.windows = self._schedules(), self._windows()
        many_trees.write(root, self.here, self.versions[: versions // machines])
        many_kernels.write(self.machines, self.versions, self.admin)
        self.logged = many_trees.log(next(one for one in self.operations if one.state == "failed"))

    def _recipe(self, number: int) -> RecipeRevision:
        recipe = Recipe.objects.create(name=f"recipe-{number}", description="What notebooks import.")
        text = RECIPE.replace('"starter"', f'"{recipe.name}"')
        made = [
            RecipeRevision(recipe=recipe, number=n, text=f"{text}# {n}\n", created_by=self.admin) for n in range(1, 30)
        ]
        return RecipeRevision.objects.bulk_create(made)[-1]

    def _machine(self, number: int) -> Machine:
        low = {"code": "x", "message": "The backing link names another version.", "action": "Deploy again."}
        seen = elsewhere("/data0", "2026-11-20", *([low] if number % 9 == 0 else []))
        here = number == 0
        name, root = (settings.DLSTACK.machine, str(self.root)) if here else (f"m{number:03}", "/data0")
        return Machine(name=name, root=root, generation=900, observed=seen, observed_at=self.now)

    def _operations(self, count: int) -> list[Operation]:
        made = [self._operation(number, self.machines[number % len(self.machines)]) for number in range(count)]
        for number, machine in enumerate(self.machines[::10]):
            made.append(self._operation(number, machine, state="running"))
        return Operation.objects.bulk_create(made, batch_size=2000)

    def _operation(self, number: int, machine: Machine, state: str = "") -> Operation:
        kind = "build" if state else KINDS[number % len(KINDS)]
        state = state or self.chance.choice(STATES)
        began = self.now - timedelta(minutes=3 * number + 5)
        ended = None if state == "running" else began + timedelta(seconds=90)
        return Operation(
            machine=machine, kind=kind, lane="build" if kind == "build" else "live", state=state,
            parameters={"version": f"v{number}", "recipe": "recipe-1", "deploy": False},
            steps=steps(kind, state, began.timestamp(), 90), requested_by=self.people[number % 8], created_at=began,
            started_at=began, heartbeat_at=began, finished_at=ended,
            message="It was done." if state == "succeeded" else "No version of “astropyy” was found.",
        )  # fmt: skip

    def _versions(self, each: int) -> list[Version]:
        builds = [one for one in self.operations if one.kind == "build" and one.state == "succeeded"]
        made = [
            self._version(machine, generation, builds[(place * each + generation) % len(builds)])
            for place, machine in enumerate(self.machines)
            for generation in range(1, each + 1)
        ]
        rows = Version.objects.bulk_create(made, batch_size=500)
        for place, machine in enumerate(self.machines):
            own = rows[place * each : (place + 1) * each]
            machine.observed["versions"] = [_seen(row) for row in own]
            machine.observed.update(active=own[-1].name, backing=own[-1].name, resident=[row.name for row in own[-2:]])
        Machine.objects.bulk_update(self.machines, ["observed"], batch_size=50)
        return rows

    def _version(self, machine: Machine, generation: int, build: Operation) -> Version:
        found = {f"package-{number}": f"{generation}.{number % 7}" for number in range(PER_ENVIRONMENT - len(PACKAGES))}
        found |= PACKAGES
        return Version(
            machine=machine, name=f"v{generation}", uuid=UUID(int=machine.pk * 10_000 + generation), files=41_000,
            generation=generation, recipe_revision=self.revisions[generation % 6], operation=build,
            bytes=GB + generation, unique_bytes=GB // 9, packages={"anaconda3": found}, kernelspecs=KERNELS,
            sealed_at=self.now, manifest_digest=f"{generation:064x}",
            lockfile="".join(f"{name}=={number} --hash=sha256:{'0' * 64}\n" for name, number in found.items()),
        )  # fmt: skip

    def _events(self) -> None:
        kinds = Event.Kind.values
        texts = [(machine, number) for machine in self.machines for number in range(5)]
        Event.objects.bulk_create(
            Event(machine=machine, kind=kinds[number % 4], text=f"Something {number}", by=self.people[number])
            for machine, number in texts
        )

    def _joinings(self) -> list[str]:
        """Let every machine have joined, its workers answer and another one be waited for; gives numbers."""
        until, told = self.now + timedelta(hours=1), {"created_by": self.admin, "root": "/data0", "digest": "0"}
        joined = Joining.objects.bulk_create(
            Joining(name=machine.name, machine=machine, prefix=str(place), expires_at=until, used_at=self.now, **told)
            for place, machine in enumerate(self.machines)
        )
        Worker.objects.bulk_create(
            Worker(machine=machine, lane=lane, heard_at=self.now, facts={"cpus": 64, "memory": 512 * GB})
            for machine in self.machines
            for lane in ("build", "live")
        )
        waited = Joining.objects.create(name="new", prefix="new", expires_at=until, **told)
        return [str(joined[0].pk), str(waited.pk)]

    def _rollouts(self) -> list[str]:
        """Let as many rollouts as machines have gone over all of them; gives the number of one that is stopped."""
        asked = {"kind": "deploy", "version": "v1", "requested_by": self.admin}
        made = [Rollout(state="stopped", message="m001: failed.", **asked) for _ in self.machines]
        rows = Rollout.objects.bulk_create(made)
        ended = iter([one for one in self.operations if one.kind == "deploy"])
        RolloutTarget.objects.bulk_create(
            RolloutTarget(
                rollout=row, machine=machine, order=place, batch=place // 4, version="v1", ended_at=self.now,
                state="failed", operation=next(ended, None) if row is rows[0] else None, message="No.",
            )
            for row in rows
            for place, machine in enumerate(self.machines)
        )  # fmt: skip
        return [str(rows[0].pk)]

    def _schedules(self) -> list[str]:
        """Let each machine have a schedule that was due for a month; gives the number of the first."""
        rows = [planned.schedule(machine, self.admin, f"nightly {machine}") for machine in self.machines]
        ended = [one for one in self.operations if one.state == "succeeded"]
        ScheduleRun.objects.bulk_create(
            ScheduleRun(
                schedule=row,
                due_at=self.now - timedelta(days=day),
                state="submitted",
                operation=ended[day % len(ended)],
            )
            for row in rows
            for day in range(30)
        )
        return [str(rows[0].pk)]

    def _windows(self) -> list[str]:
        """Let each machine have a window that comes soon, and one be open; gives the number of that one."""
        soon = timedelta(hours=20)
        for machine in self.machines:
            planned.window(machine, f"Night on {machine}", begins=soon)
        planned.window(None, "Night on all", begins=soon)
        return [str(planned.window(self.elsewhere, begins=-timedelta(hours=1)).pk)]

    def _activations(self) -> None:
        made, deploys = [], [one for one in self.operations if one.kind == "deploy" and one.state == "succeeded"]
        for machine in self.machines:
            own = [row for row in self.versions if row.machine_id == machine.pk]
            made += [self._activation(row, own[-1], self.now - timedelta(days=len(own) - place))
                     for place, row in enumerate(own)]  # fmt: skip
        for activation, operation in zip(made, deploys, strict=False):  # others were only seen
            activation.operation = operation
        rows = Activation.objects.bulk_create(made, batch_size=1000)
        for before, after in pairwise(rows):
            after.returns_to = before if before.machine_id == after.machine_id else None
        Activation.objects.bulk_update(rows, ["returns_to"], batch_size=500)

    def _activation(self, row: Version, last: Version, at: datetime) -> Activation:
        return Activation(
            machine_id=row.machine_id, version=row, activated_by=self.people[row.generation % 8], activated_at=at,
            ended_at=None if row is last else at + timedelta(hours=20), healthy=True, reason="Monthly update",
        )  # fmt: skip


def _seen(row: Version) -> dict[str, Any]:
    """Give what the status document says of a version, as `stacks.observation` keeps it."""
    return {
        "name": row.name, "sealed": True, "files": row.files, "bytes": row.bytes, "unique_bytes": row.unique_bytes,
        "uuid": str(row.uuid), "generation": row.generation, "manifest": row.manifest_digest,
    }  # fmt: skip
