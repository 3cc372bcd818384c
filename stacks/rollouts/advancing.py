"""Carrying a rollout on: what ended is noted, the rule decides, and what it says is submitted, in one transaction."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from stacks import activations, operations
from stacks.engine.errors import EngineError
from stacks.models import Operation, Rollout, RolloutTarget
from stacks.rollouts import places, rule, telling
from stacks.signals import ended

MESSAGE_LIMIT = 2000
State = Rollout.State
Of = RolloutTarget.State

logger = logging.getLogger(__name__)


def follow_ends() -> None:
    """Carry a rollout on in any process in which one of its operations ends."""
    ended.connect(_on_end, dispatch_uid="stacks.rollouts")


def advance_all() -> None:
    """Carry all rollouts on that are not stopped: an end may have been missed, or a pause is over."""
    for pk in Rollout.objects.filter(state__in=Rollout.MOVING).values_list("pk", flat=True):
        try:
            advance(pk)
        except Exception:  # the others go on, and the next round tries this one again
            logger.exception("Rollout %s", pk)


def advance(pk: int) -> None:
    """Do what is to be done now for one rollout; of two at once the second finds nothing left to do."""
    with transaction.atomic():
        moving = Rollout.objects.filter(pk=pk, state__in=Rollout.MOVING)
        rollout = moving.select_for_update(of=("self",)).select_related("requested_by").annotate(now=Now()).first()
        if rollout is None:
            return
        # Each end of a thousand reads all targets: only what the rule asks for, the rest where a machine's turn comes.
        related = rollout.targets.select_related("machine", "operation", "revert_operation")
        targets = list(related.defer("machine__observed", *_unread("operation"), *_unread("revert_operation")))
        for target in targets:
            _settle(target)
        while _step(rollout, targets):
            pass


def _on_end(operation_id: int, **_: Any) -> None:
    either = Q(operation=operation_id) | Q(revert_operation=operation_id)
    for pk in RolloutTarget.objects.filter(either).values_list("rollout", flat=True):
        advance(pk)


def _step(rollout: Rollout, targets: list[RolloutTarget]) -> bool:
    """Do what the rule says; False when there is nothing more to do now."""
    follows = rule.decide(
        rollout.state,
        [_standing(target) for target in targets],
        reverts=rollout.on_failure == Rollout.OnFailure.REVERT,
        pause=rollout.pause,
        now=rollout.now.timestamp(),  # type: ignore[attr-defined]  # annotated above
    )
    for target in targets:
        if target.pk in follows.begin:
            _begin(rollout, target)
        if target.pk in follows.revert:
            _revert(rollout, target)
    if follows.state != rollout.state:
        _enter(rollout, follows.state, targets)
        return True
    return bool(follows.begin or follows.revert)


def _unread(operation: str) -> list[str]:
    return [f"{operation}__{name}" for name in ("parameters", "steps", "outcome")]


def _standing(target: RolloutTarget) -> rule.Standing:
    ended_at = target.ended_at.timestamp() if target.ended_at else None
    return rule.Standing(target.pk, target.batch, target.state, ended_at)


def _enter(rollout: Rollout, state: str, targets: list[RolloutTarget]) -> None:
    rollout.state = state
    if rollout.is_final:
        rollout.finished_at = timezone.now()
        for target in targets:
            if target.state == Of.WAITING:
                _write(target, Of.SKIPPED, "It was not reached.")
    if state != State.CANCELLED:  # that one tells by whom
        rollout.message = telling.summary(rollout, targets)[:MESSAGE_LIMIT]
    rollout.save(update_fields=["state", "message", "finished_at"])


def _settle(target: RolloutTarget) -> None:
    """Note how the operation of a machine ended, if it did."""
    operation = target.revert_operation if target.state == Of.REVERTING else target.operation
    if target.state not in RolloutTarget.BUSY or operation is None or not operation.is_final:
        return
    done = Of.REVERTED if target.state == Of.REVERTING else Of.SUCCEEDED
    target.ended_at = operation.finished_at
    _write(target, done if operation.state == Operation.State.SUCCEEDED else Of.FAILED, operation.message)


def _begin(rollout: Rollout, target: RolloutTarget) -> None:
    if places.is_active(target.machine, target.version):
        _write(target, Of.SKIPPED, f"{target.version} is active there already.")
        return
    try:
        with transaction.atomic():
            target.operation = _submitted(rollout, target)
    except (EngineError, OSError) as problem:
        _fail(rollout, target, str(problem))
    else:
        _write(target, Of.RUNNING, "")


def _submitted(rollout: Rollout, target: RolloutTarget) -> Operation:
    asked: dict[str, Any] = {"machine": target.machine, "version": target.version}
    asked |= {"requested_by": rollout.requested_by, "reason": rollout.reason}
    if rollout.kind == Rollout.Kind.DEPLOY:
        return operations.deploy(**asked)
    return operations.revert(**asked, mark_bad=rollout.mark_bad)


def _revert(rollout: Rollout, target: RolloutTarget) -> None:
    """Submit the way back of a machine, unless somebody has made another version active meanwhile."""
    current = activations.current(target.machine)
    if current is None or current.operation_id != target.operation_id:
        active = current.version.name if current else "nothing"
        _write(target, Of.KEPT, f"It was not reverted: {active} became active there meanwhile.")
        return
    try:
        with transaction.atomic():
            target.revert_operation = operations.revert(
                machine=target.machine, requested_by=rollout.requested_by, reason=f"{rollout} failed"
            )
    except (EngineError, OSError) as problem:
        _fail(rollout, target, f"It could not be reverted: {problem}")
    else:
        _write(target, Of.REVERTING, "")


def _fail(rollout: Rollout, target: RolloutTarget, message: str) -> None:
    target.ended_at = rollout.now  # type: ignore[attr-defined]  # annotated where it was read
    _write(target, Of.FAILED, message)


def _write(target: RolloutTarget, state: str, message: str) -> None:
    target.state, target.message = state, message[:MESSAGE_LIMIT]
    target.save(update_fields=["state", "message", "operation", "revert_operation", "ended_at"])
