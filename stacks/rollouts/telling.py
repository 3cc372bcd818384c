"""Rollouts in words and as JSON types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stacks.models import Rollout, RolloutTarget

State = Rollout.State
Of = RolloutTarget.State
_WORDS = {
    Of.SUCCEEDED: "done",
    Of.FAILED: "failed",
    Of.REVERTED: "reverted",
    Of.KEPT: "left with what became active meanwhile",
    Of.SKIPPED: "left as it was",
    Of.WAITING: "not begun",
}


def summary(rollout: Rollout, targets: Sequence[RolloutTarget]) -> str:
    """Say how a rollout stands, with the names of the machines, and why the first that failed did."""
    if rollout.state == State.RUNNING:
        return ""
    told = [f"{', '.join(names)}: {word}" for state, word in _WORDS.items() if (names := _names(targets, state))]
    failed = [f"{one.machine}: {one.message}" for one in targets if one.state == Of.FAILED]
    reverting = ["What it changed is being reverted."] if rollout.state == State.REVERTING else []
    return " ".join([f"{'; '.join(told)}.", *failed, *reverting])


def document(rollout: Rollout) -> dict[str, Any]:
    """Give a rollout with its machines as JSON types; times are ISO 8601."""
    targets = rollout.targets.select_related("machine")
    return {
        "id": rollout.pk,
        "kind": rollout.kind,
        "version": rollout.version or None,
        "state": rollout.state,
        "message": rollout.message,
        "reason": rollout.reason,
        "requested_by": str(rollout.requested_by) if rollout.requested_by else None,
        "canary": rollout.canary,
        "batch": rollout.batch,
        "pause": rollout.pause,
        "on_failure": rollout.on_failure,
        "created_at": rollout.created_at,
        "finished_at": rollout.finished_at,
        "machines": [_of_target(target) for target in targets],
    }


def _of_target(target: RolloutTarget) -> dict[str, Any]:
    return {
        "machine": target.machine.name,
        "batch": target.batch,
        "version": target.version,
        "manifest": target.manifest or None,
        "state": target.state,
        "message": target.message,
        "operation": target.operation_id,
        "revert_operation": target.revert_operation_id,
    }


def _names(targets: Sequence[RolloutTarget], state: str) -> list[str]:
    return [target.machine.name for target in targets if target.state == state]
