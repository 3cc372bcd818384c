"""The plan that writes down which services of a machine are stopped while its production changes."""

from __future__ import annotations

from functools import partial
from typing import Any

from stacks.engine import services
from stacks.engine.services import Service
from stacks.plans.base import Context, Plan, Step


def plan(context: Context) -> Plan:
    """Plan to write the services in the parameters; raises Refused when one is not described well."""
    asked: list[dict[str, Any]] = list(context.parameters.get("services", []))
    listed = services.parse(asked)
    names = ", ".join(service.name for service in listed) or "no service"
    steps = (
        Step(
            "look", "Ask each whether it runs", "Runs its status command; nothing is stopped.", partial(_look, listed)
        ),
        Step("write", "Write them down", f"{services.place(context.layout)}: {names}.", partial(_write, asked)),
    )
    return Plan("configure", f"Stops {names} while production changes under layout in-place, or when asked to.", steps)


def _look(listed: list[Service], context: Context) -> None:
    for service in listed:
        context.note(f"{service.name} {'runs' if service.is_running() else 'does not run'}.")


def _write(asked: list[dict[str, Any]], context: Context) -> None:
    services.configure(context.layout, asked)
    context.outcome["services"] = [service.name for service in services.configured(context.layout)]
