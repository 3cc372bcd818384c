"""Kernels of many machines: in each version, checked where it is active or was before, and in each library."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from kernels import seen
from kernels.models import Depth, Inventory, KernelCheck, LibraryEdit
from stacks.models import Machine, Version
from tests import believable

KERNELS: list[dict[str, Any]] = [
    *believable.KERNELS,
    *(
        {"name": name, "display_name": name.title(), "language": "python", "environment": "anaconda3"}
        for name in ("lsst", "desi", "gaia", "sparcl")
    ),
    {"name": "ir", "display_name": "R", "language": "R", "environment": "anaconda3"},
    {"name": "tiny", "display_name": "Tiny", "language": "bash", "environment": "anaconda3", "required": True},
]


def write(machines: list[Machine], versions: list[Version], by: User) -> None:
    """Write checks of the two newest versions of each machine, and of each but the first what a worker saw there."""
    newest = {machine.pk: [row for row in versions if row.machine_id == machine.pk][-2:] for machine in machines}
    checks = [_check(row, spec) for rows in newest.values() for row in rows for spec in (*KERNELS, *KERNELS)]
    KernelCheck.objects.bulk_create(checks, batch_size=1000)
    here, *others = machines
    found, library = seen.kernels(here).kernels, seen.libraries([here])[here.pk]
    Inventory.objects.bulk_create(
        Inventory(
            machine=machine, version=newest[machine.pk][-1].name, live=True, taken_at=timezone.now(), kernels=found,
            library=library,
        )
        for machine in others
    )  # fmt: skip
    LibraryEdit.objects.bulk_create(
        LibraryEdit(machine=machine, kernel="tiny", action="changed", edited_by=by, before="{}", after="{ }")
        for machine in machines
        for _ in range(3)
    )


def _check(row: Version, spec: dict[str, Any]) -> KernelCheck:
    failed = (row.machine_id + len(spec["name"])) % 11 == 0
    verdict = {"state": "failed", "code": "hangs", "reason": "It hangs."} if failed else {"state": "ok"}
    return KernelCheck(
        machine_id=row.machine_id, version=row.name, name=spec["name"], environment=spec["environment"],
        depth=Depth.LAUNCH, seconds=1 + row.machine_id % 7 / 10, checked_at=timezone.now(), **verdict,
    )  # fmt: skip
