"""Required kernels of what is active that do not answer: a problem on the dashboard."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.urls import reverse

from kernels import latest
from stacks.models import Activation, Machine, Version
from stacks.problems import Problems


def failing(machines: Collection[Machine]) -> Problems:
    """Give the required kernels that failed their latest check, by machine, in two queries."""
    heavy = ("version__lockfile", "version__packages")
    unended = Activation.objects.filter(machine__in=machines, ended_at=None).select_related("version", "machine")
    active = {item.machine: item.version for item in unended.defer(*heavy, "machine__observed")}
    required = {
        str(spec["name"]) for version in active.values() for spec in version.kernelspecs if spec.get("required")
    }
    versions = [version.name for version in active.values()]
    checks = latest.latest([machine.pk for machine in active], versions, kernels=required)
    return {machine.pk: list(_of(machine, version, checks)) for machine, version in active.items()}


def _of(machine: Machine, version: Version, checks: dict[latest.Key, list[latest.Check]]) -> Iterator[dict[str, Any]]:
    for spec in version.kernelspecs:
        known = checks.get((machine.pk, version.name, str(spec.get("environment", "")), str(spec["name"])), [])
        check = latest.judge(known) if spec.get("required") else None
        if check is not None and check.failed:
            yield {
                "code": "kernel-failed",
                "message": f"The required kernel “{spec['name']}” of “{version.name}” fails: {check.reason}",
                "action": "Look at its output, mend it and check again, or revert.",
                "address": reverse("kernels:machine", args=[machine.name]),
            }
