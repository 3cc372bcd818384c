"""Believable machines, versions, operations and logs: what the tests of the pages and the screenshots look at.

`python -m tests.seed` fills the database and the root that the environment names, and prints a password.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid5

from stacks.engine.versions import Description
from tests.believable import GB, KERNELS, NAMESPACE, RECIPE, descriptions, elsewhere, glance, lines, packages, steps


def write_disk(root: Path) -> None:
    """Make the root of a machine with four small trees that claim to be large, two of them in the ramdisk."""
    write_trees(root, descriptions(), resident=("2026-11-12", "2026-11-20"), active="2026-11-20")


def write_trees(root: Path, described: list[Description], *, resident: tuple[str, ...], active: str) -> None:
    """Make the root of a machine with a small tree for each description, some in the ramdisk as well."""
    from stacks.engine import durable, sizes, versions
    from stacks.engine.layout import Layout
    from stacks.engine.manifest import Manifest

    layout = Layout(root)
    (root / ".dlstack" / "versions").mkdir(parents=True, exist_ok=True)
    ramdisk = Path(tempfile.mkdtemp(prefix="dlstack-seed-", dir="/dev/shm"))
    layout.ramdisk.symlink_to(ramdisk)
    shares = {}
    for description in described:
        tree = layout.version(description.name)
        for place in (tree, *([layout.resident(description.name)] if description.name in resident else [])):
            (place / "anaconda3").mkdir(parents=True)
            (place / "anaconda3" / "version").write_text(description.name)
        tree.rename(root / "aside")
        versions.store(layout, description, Manifest(()))
        (root / "aside").rename(tree)
        versions.mark(tree, description)
        if description.name in resident:
            versions.mark(layout.resident(description.name), description)
        own = description.bytes if description.generation == 1 else description.bytes // 9
        shares[description.name] = {"files": description.files, "bytes": description.bytes, "unique_bytes": own}
    durable.write_json(sizes._store(layout), shares)
    layout.live.symlink_to(f"sw.tmpfs/{active}")
    layout.backing.symlink_to(f"sw.{active}")


class Seed:
    """Writes the rows; every attribute is something that a test or a screenshot wants to look at."""

    def __init__(self, root: Path) -> None:
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.utils import timezone

        from access import roles
        from stacks import activations, models

        self.now, self.models, self.root = timezone.now(), models, root
        self.activate = activations.activate
        self.alice = User.objects.create_superuser("alice", password="orion-nebula-42")
        self.bob = User.objects.create_user("bob", password="orion-nebula-42")
        roles.assign(self.bob, roles.Role.OPERATOR)
        recipe = models.Recipe.objects.create(name="datalab", description="Everything the Data Lab notebooks import.")
        self.revision = models.RecipeRevision.objects.create(
            recipe=recipe, number=3, text=RECIPE, created_by=self.alice
        )
        self.machine = models.Machine.objects.create(name=settings.DLSTACK.machine, root=str(root), generation=4)
        self.machine.observed_at, self.machine.observed = self.now, {"glance": glance("2026-11-20")}
        self.machine.save()
        self.versions = {item.name: self._version(self.machine, item) for item in descriptions()}
        self._history()
        self._others()

    def _version(self, machine: Any, item: Any) -> Any:
        build = self._operation(
            machine,
            "build",
            "succeeded",
            item.name,
            ago=self.now.timestamp() - item.sealed_at + 95,
            took=95,
            message=f"“{item.name}” was sealed: {item.files:,} files, 1.1 GB, of which 121 MB are its own.",
        )
        return self.models.Version.objects.create(
            machine=machine,
            name=item.name,
            uuid=item.uuid,
            generation=item.generation,
            recipe_revision=self.revision,
            operation=build,
            files=item.files,
            bytes=item.bytes,
            unique_bytes=item.bytes // 9,
            packages=item.packages,
            manifest_digest=item.manifest,
            kernelspecs=KERNELS,
            lockfile=item.lockfile["anaconda3"],
            sealed_at=build.finished_at,
        )

    def _operation(
        self, machine: Any, kind: str, state: str, version: str, *, ago: float, took: float = 3, **rest: Any
    ) -> Any:
        started = self.now - timedelta(seconds=ago)
        final = state not in ("queued", "running")
        rest.setdefault("steps", steps(kind, state, started.timestamp(), took))
        operation = self.models.Operation.objects.create(
            machine=machine,
            kind=kind,
            lane="build" if kind == "build" else "live",
            state=state,
            parameters={"version": version, "recipe": "datalab", "deploy": False},
            requested_by=rest.pop("by", self.alice),
            started_at=started,
            heartbeat_at=self.now,
            finished_at=started + timedelta(seconds=took) if final else None,
            **rest,
        )
        self.models.Operation.objects.filter(pk=operation.pk).update(created_at=started)
        return operation

    def _history(self) -> None:
        spans = (
            ("2026-10-30", 23.0, "deploy", "", True),
            ("2026-11-12", 11.0, "deploy", "Monthly update", True),
            ("2026-11-20", 3.0, "deploy", "", False),
            ("2026-11-12", 2.1, "revert", "lightkurve import fails", True),
            ("2026-11-20", 1.9, "deploy", "Fixed the solver pin", True),
        )
        for name, begun, kind, reason, healthy in spans:
            operation = self._operation(
                self.machine,
                kind,
                "succeeded",
                name,
                ago=begun * 86400,
                took=2.4,
                reason=reason,
                by=self.bob if kind == "revert" else self.alice,
                message=f"“{name}” is active.",
            )
            self.activate(
                self.machine,
                self.versions[name],
                reverted=kind == "revert",
                at=self.now - timedelta(days=begun),
                operation=operation,
                activated_by=operation.requested_by,
                reason=reason,
                healthy=healthy,
            )

    def _others(self) -> None:
        models = self.models
        low = {
            "code": "backing-differs",
            "message": "/data0/sw.hdd does not name the active version: after a reboot another would come back.",
            "action": "Deploy the active version again.",
        }
        second = models.Machine.objects.create(
            name="gp12", root="/data0", generation=3, observed_at=self.now - timedelta(seconds=24)
        )
        second.observed = elsewhere("/data0", "2026-11-12", low)
        second.save()
        models.Machine.objects.create(
            name="gp20",
            root="/data0",
            observed_at=self.now,
            observed={
                "root": "/data0",
                "active": None,
                "backing": None,
                "resident": [],
                "versions": [],
                "links": [],
                "problems": [],
            },
        )
        self.failed = self._operation(
            self.machine,
            "build",
            "failed",
            "2026-11-22",
            ago=90000,
            took=41,
            by=self.bob,
            message="Resolving anaconda3 failed: no version of “astropyy” was found. Correct the recipe and retry.",
        )
        self.cancelled = self._operation(
            self.machine, "build", "cancelled", "2026-11-21", ago=180000, took=20, message="Cancelled on request."
        )
        self.running = self._operation(self.machine, "build", "running", "2026-11-24", ago=38)
        deploy = self._operation(
            second, "deploy", "succeeded", "2026-11-12", ago=900000, message="“2026-11-12” is active."
        )
        row = models.Version.objects.create(
            machine=second,
            name="2026-11-12",
            uuid=uuid5(NAMESPACE, "gp12"),
            generation=2,
            files=41_749,
            bytes=GB,
            unique_bytes=GB,
            manifest_digest="0",
            packages=packages(1),
            kernelspecs=KERNELS,
            sealed_at=self.now - timedelta(days=11),
        )
        self.activate(second, row, operation=deploy, activated_by=self.alice, at=deploy.finished_at, healthy=True)


def write_log(operation: Any, count: int) -> None:
    from stacks import logs
    from stacks.engine.events import Event

    writer = logs.LogWriter(operation.pk)
    for index, (kind, text) in enumerate(lines(operation.state, count)):
        writer.sink(Event(kind, text, "step", operation.started_at.timestamp() + index / 50))  # type: ignore[arg-type]
    writer.close(operation.state)
    type(operation).objects.filter(pk=operation.pk).update(log_lines=logs.last_line(operation))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    settings.DLSTACK.root.mkdir(parents=True)
    write_disk(settings.DLSTACK.root)
    seed = Seed(settings.DLSTACK.root)
    for operation, count in ((seed.failed, 60), (seed.running, 900), (seed.cancelled, 30)):
        write_log(operation, count)
    sys.stdout.write("alice orion-nebula-42\n")


if __name__ == "__main__":
    main()
