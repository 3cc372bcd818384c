"""Pages that were opened before something changed: they carry what was active, and are refused with who and when."""

from __future__ import annotations

from pathlib import Path

from stacks import activations
from stacks.engine import resident
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.marks import COMMAND_LINE
from stacks.models import Activation, Machine, Operation
from stacks.observation import is_here


def active_now(machine: Machine) -> str:
    """Name what is active: what the disk says, or else the record; "" for nothing."""
    if is_here(machine):
        return resident.active(Layout(Path(machine.root))) or ""
    if "active" in machine.observed:
        return str(machine.observed["active"] or "")
    now = activations.current(machine)
    return now.version.name if now else ""


def refuse_if_changed(machine: Machine, seen: str) -> None:
    """Raise Refused, with who changed what and when, unless `seen` is active still."""
    active = active_now(machine)
    if active == seen:
        return
    now = activations.current(machine)
    raise Refused(_said(active, now if now is not None and now.version.name == active else None, seen))


def changes_live(operation: Operation) -> bool:
    """Tell whether an operation changes what users run, now or when it has ended."""
    return operation.lane == Operation.Lane.LIVE or bool(operation.parameters.get("deploy"))


def _said(active: str, activation: Activation | None, seen: str) -> str:
    """Say who changed what since the page was opened."""
    now = active or "no version"
    by = f", by {activation.activated_by or 'an operator'} at {activation.activated_at:%H:%M} UTC" if activation else ""
    before = f"when you opened this page it was {seen or 'no version'}"
    return f"{now} is active now{by}; {before}. Nothing was changed: look at what is active, then decide again."


def last_change(machine: Machine) -> str:
    """Name the operation that ended last on a machine, with who asked for it and when; "" when there is none."""
    ended = Operation.objects.filter(machine=machine, state__in=Operation.FINAL).select_related("requested_by")
    last = ended.order_by("-finished_at").first()
    if last is None or last.finished_at is None:
        return ""
    name = f"{last.kind} {last.parameters.get('version', '')}".strip()
    return f"{name} (#{last.pk}) by {last.requested_by or COMMAND_LINE} at {last.finished_at:%H:%M} UTC"
