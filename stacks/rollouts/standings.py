"""How the machines of a rollout stand, as its rule takes it."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from datetime import datetime

from stacks import presence
from stacks.models import Operation, RolloutTarget
from stacks.rollouts.rule import Standing

Of = RolloutTarget.State


def standings(targets: Sequence[RolloutTarget], now: datetime, held: Container[int] = ()) -> list[Standing]:
    """Give how machines stand, in one query at most; `now` is the database's time, as all others that count here.

    `held` has the keys of those that may not begin now.
    """
    queued = [target.machine for target in targets if _is_queued(target)]
    heard = presence.last_signs(queued, Operation.Lane.LIVE) if queued else {}
    return [_standing(target, now, heard.get(target.machine_id), held) for target in targets]


def awaited(target: RolloutTarget) -> Operation | None:
    """Give the operation at whose end a machine is done, None for one that is not at work."""
    if target.state not in RolloutTarget.BUSY:
        return None
    return target.revert_operation if target.state == Of.REVERTING else target.operation


def untaken(target: RolloutTarget, now: datetime) -> float:
    """Give for how many seconds no worker took the operation of a machine, 0 where one did."""
    begun_at = target.begun_at if _is_queued(target) else None
    return (now - begun_at).total_seconds() if begun_at else 0.0


def _standing(target: RolloutTarget, now: datetime, heard_at: datetime | None, held: Container[int]) -> Standing:
    ended = target.ended_at.timestamp() if target.ended_at else None
    unheard = (now - heard_at).total_seconds() if heard_at else math.inf
    return Standing(target.pk, target.batch, target.state, ended, untaken(target, now), unheard, target.pk in held)


def _is_queued(target: RolloutTarget) -> bool:
    operation = awaited(target)
    return operation is not None and operation.state == Operation.State.QUEUED
