"""What is asked for with kernels, as operations: inputs checked early, then one operation submitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from stacks import observation, operations
from stacks.engine.kernels.spec import check_name
from stacks.models import Machine, Operation
from stacks.operations.submission import allot_generation, refuse_if_busy, submit
from stacks.plans import LANES


def install(
    *,
    machine: Machine,
    kernel: str,
    environment: str = "",
    display_name: str = "",
    language: str = "",
    requested_by: User | None,
    reason: str = "",
) -> Operation:
    """Ask to install a kernelspec of the library into the live version, or to publish an environment as one.

    An environment is published where `display_name` is given. Raises Refused as the operation would, if the machine is
    here, and when its lane is busy.
    """
    published = {"environment": environment, "display_name": display_name, "language": language}
    parameters = {"kernel": kernel, **(published if display_name else {})}
    return _change(machine, "kernel-install", parameters, requested_by, reason)


def remove(*, machine: Machine, kernel: str, requested_by: User | None, reason: str = "") -> Operation:
    """Ask to remove a kernelspec from the live version; raises Refused as `install` does."""
    return _change(machine, "kernel-remove", {"kernel": kernel}, requested_by, reason)


def check(
    *,
    machine: Machine,
    version: str = "",
    names: Sequence[str] = (),
    depth: str = "launch",
    requested_by: User | None,
    parent: Operation | None = None,
) -> Operation:
    """Ask for a check of kernels of a version, or of what is live; raises Refused as `install` does."""
    parameters: dict[str, Any] = {"version": version, "names": list(names), "depth": depth}
    refuse_if_busy(machine, LANES["kernel-check"])
    _refuse_early(machine, "kernel-check", parameters)
    return submit(machine=machine, kind="kernel-check", parameters=parameters, requested_by=requested_by, parent=parent)


def _change(
    machine: Machine, kind: str, parameters: dict[str, Any], requested_by: User | None, reason: str
) -> Operation:
    refuse_if_busy(machine, LANES[kind])
    check_name(parameters["kernel"])  # of another machine's disk nothing else is known here
    asked = {**parameters, "version": operations.propose_name(machine)}
    _refuse_early(machine, kind, asked)
    with transaction.atomic():
        asked["generation"] = allot_generation(machine)
        return submit(machine=machine, kind=kind, parameters=asked, requested_by=requested_by, reason=reason)


def _refuse_early(machine: Machine, kind: str, parameters: dict[str, Any]) -> None:
    if observation.is_here(machine):
        operations.preview(machine=machine, kind=kind, parameters=parameters)
