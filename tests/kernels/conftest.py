"""Machines with versions, checks and inventories on record."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from kernels.models import Inventory, KernelCheck
from stacks import activations
from stacks.models import Machine, Version
from tests.engine.conftest import layout, owner, porter, runner, version
from tests.stacks.conftest import elsewhere, machine

__all__ = ["elsewhere", "layout", "machine", "owner", "porter", "runner", "version"]
Verdict = Callable[..., KernelCheck]


def kernelspecs(*names: str, **fields: Any) -> list[dict[str, Any]]:
    """Spell what a version says of its kernels."""
    rest = {"environment": "anaconda3", "language": "python", "required": False, **fields}
    return [{"name": name, "display_name": name.title(), **rest} for name in names]


def add_version(machine: Machine, name: str, specs: list[dict[str, Any]], *, active: bool = False) -> Version:
    """Put a version on record; an active one follows what was active before."""
    number = machine.versions.count() + 1
    row = Version.objects.create(
        machine=machine, name=name, uuid=uuid.uuid4(), generation=number, files=1, bytes=1, unique_bytes=1,
        manifest_digest="0" * 64, kernelspecs=specs, sealed_at=timezone.now(),
    )  # fmt: skip
    if active:
        activations.activate(machine, row, healthy=True)
        machine.observed = {**machine.observed, "active": name}
        machine.save()
    return row


def add_check(machine: Machine, version: str, name: str, **fields: Any) -> KernelCheck:
    """Put a check on record."""
    values = {"depth": "launch", "state": "ok", "seconds": 1.2, "environment": "anaconda3", **fields}
    return KernelCheck.objects.create(machine=machine, version=version, name=name, checked_at=timezone.now(), **values)


def add_library(machine: Machine, *names: str) -> Inventory:
    """Put a library on record."""
    library = [
        {"name": name, "display_name": name.title(), "language": "python", "code": "", "findings": []} for name in names
    ]
    return Inventory.objects.create(machine=machine, live=True, taken_at=timezone.now(), library=library)


@pytest.fixture
def gp20(db: None) -> Machine:
    return Machine.objects.create(name="gp20", root="/data0")
