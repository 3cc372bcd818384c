"""Carrying a rollout on: what ended is noted, the rule decides, and what it says is submitted, in one transaction."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from stacks import activations, operations, windows
from stacks.engine.errors import EngineError
from stacks.models import Operation, Rollout, RolloutTarget
from stacks.operations import lifecycle
from stacks.rollouts import builds, holding, places, rule, telling
from stacks.rollouts.standings import awaited, standings, untaken
from stacks.signals import ended

MESSAGE_LIMIT = 2000
UNTAKEN = (
    "No worker of {machine} took it within {minutes:.0f} minutes, so that it was ended before it began: look there at "
    "dlstack-live.service."
)
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
        _say_held(rollout, targets)


def _on_end(operation_id: int, **_: Any) -> None:
    either = Q(operation=operation_id) | Q(revert_operation=operation_id)
    for pk in RolloutTarget.objects.filter(either).values_list("rollout", flat=True):
        advance(pk)


def _step(rollout: Rollout, targets: list[RolloutTarget]) -> bool:
    """Do what the rule says; False when there is nothing more to do now."""
    follows = rule.decide(
        rollout.state,
        _standings(rollout, targets),
        reverts=rollout.on_failure == Rollout.OnFailure.REVERT,
        pause=rollout.pause,
        now=_now(rollout).timestamp(),
    )
    for target in targets:
        if target.pk in follows.begin:
            _begin(rollout, target)
        if target.pk in follows.revert:
            _revert(rollout, target)
        if target.pk in follows.give_up:
            _give_up(rollout, target)
    if follows.state != rollout.state:
        _enter(rollout, follows.state, targets)
        return True
    return bool(follows.begin or follows.revert or follows.give_up)


def _unread(operation: str) -> list[str]:
    return [f"{operation}__{name}" for name in ("parameters", "steps", "outcome")]


def _standings(rollout: Rollout, targets: list[RolloutTarget]) -> list[rule.Standing]:
    return standings(targets, _now(rollout), holding.held(rollout, targets))


def _say_held(rollout: Rollout, targets: list[RolloutTarget]) -> None:
    """Keep as a running rollout's message for which freeze window it waits, as long as it does."""
    if rollout.state == State.RUNNING and (message := holding.message(rollout, targets)) != rollout.message:
        rollout.message = message[:MESSAGE_LIMIT]
        rollout.save(update_fields=["message"])


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
    operation = awaited(target)
    if operation is None or not operation.is_final:
        return
    if _was_held(target, operation):
        target.operation = None
        _write(target, Of.WAITING, "")
        return
    done = Of.REVERTED if target.state == Of.REVERTING else Of.SUCCEEDED
    target.ended_at = operation.finished_at
    _write(target, done if operation.state == Operation.State.SUCCEEDED else Of.FAILED, operation.message)


def _was_held(target: RolloutTarget, operation: Operation) -> bool:
    """Tell whether a deploy was refused by its worker because a freeze window had begun: then it waits again."""
    refused = target.state == Of.RUNNING and bool(operation.outcome.get("refused"))
    return refused and windows.open_on(target.machine) is not None


def _begin(rollout: Rollout, target: RolloutTarget) -> None:
    if places.is_active(target.machine, target.version):
        _write(target, Of.SKIPPED, f"{target.version} is active there already.")
        return
    try:
        with transaction.atomic():
            target.operation = _submitted(rollout, target)
    except windows.InWindow:  # it has begun in this very moment: the rule is asked again, and waits
        return
    except (EngineError, OSError) as problem:
        _fail(rollout, target, str(problem))
    else:
        target.begun_at = _now(rollout)
        _write(target, Of.RUNNING, "")


def _submitted(rollout: Rollout, target: RolloutTarget) -> Operation:
    asked: dict[str, Any] = {"machine": target.machine, "version": target.version}
    asked |= {"requested_by": rollout.requested_by, "reason": rollout.reason}
    if rollout.kind == Rollout.Kind.DEPLOY:
        builds.refuse_other(target.machine, target.version, target.manifest)
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
        target.begun_at = _now(rollout)
        _write(target, Of.REVERTING, "")


def _give_up(rollout: Rollout, target: RolloutTarget) -> None:
    """End an operation that no worker takes, so that it does not begin when nobody expects it any more."""
    operation = awaited(target)
    if operation is not None:
        minutes = untaken(target, _now(rollout)) / 60
        message = UNTAKEN.format(machine=target.machine, minutes=minutes)
        if lifecycle.refuse(operation_id=operation.pk, message=message, outcome={"refused": True}):
            _fail(rollout, target, message)
            return
        operation.refresh_from_db()  # a worker was quicker
        _settle(target)


def _fail(rollout: Rollout, target: RolloutTarget, message: str) -> None:
    target.ended_at = _now(rollout)
    _write(target, Of.FAILED, message)


def _now(rollout: Rollout) -> datetime:
    """Give the database's time at which a rollout was read to be carried on."""
    now: datetime = rollout.now  # type: ignore[attr-defined]  # annotated there
    return now


def _write(target: RolloutTarget, state: str, message: str) -> None:
    target.state, target.message = state, message[:MESSAGE_LIMIT]
    target.save(update_fields=["state", "message", "operation", "revert_operation", "begun_at", "ended_at"])
