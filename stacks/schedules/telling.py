"""Schedules in words and as JSON types."""

from __future__ import annotations

from typing import Any

from stacks.models import Schedule, ScheduleRun
from stacks.schedules import timing

Kind = Schedule.Kind


def what(schedule: Schedule) -> str:
    """Say what a schedule does, without the machine."""
    if schedule.kind == Kind.BUILD:
        return f"build {schedule.recipe}" + (" and deploy it" if schedule.deploy else "")
    if schedule.kind == Kind.DEPLOY:
        return f"deploy the newest {schedule.recipe}"
    return "back up" if schedule.kind == Kind.BACKUP else "verify in full what is active"


def document(schedule: Schedule, last: ScheduleRun | None) -> dict[str, Any]:
    """Give a schedule with its last run as JSON types; times are ISO 8601."""
    return {
        "id": schedule.pk,
        "name": schedule.name,
        "kind": schedule.kind,
        "machine": schedule.machine.name,
        "recipe": schedule.recipe or None,
        "deploy": schedule.deploy,
        "when": timing.told(schedule),
        "grace": schedule.grace,
        "owner": str(schedule.owner),
        "reason": schedule.reason,
        "enabled": schedule.task.enabled,
        "stopped": schedule.stopped or None,
        "next_at": schedule.next_at,
        "last": _run(last) if last else None,
    }


def _run(run: ScheduleRun) -> dict[str, Any]:
    return {
        "due_at": run.due_at,
        "state": run.state,
        "message": run.message,
        "operation": run.operation_id,
        "rollout": run.rollout_id,
    }
