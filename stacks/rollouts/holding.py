"""Machines of a rollout that a freeze window holds up: what deploys waits, what goes back never does."""

from __future__ import annotations

from stacks import windows
from stacks.models import Rollout, RolloutTarget
from stacks.rollouts.rule import next_batch
from stacks.rollouts.standings import standings

Of = RolloutTarget.State


def held(rollout: Rollout, targets: list[RolloutTarget]) -> dict[int, str]:
    """Say by target why machines that wait may not begin now; `rollout.now` was annotated."""
    if rollout.kind != Rollout.Kind.DEPLOY or rollout.state != Rollout.State.RUNNING:
        return {}
    waiting = [target for target in targets if target.state == Of.WAITING]
    known = windows.known(target.machine_id for target in waiting)
    opened = {target.pk: (target.machine, windows.open_on(target.machine, known)) for target in waiting}
    return {pk: windows.said(machine, standing) for pk, (machine, standing) in opened.items() if standing}


def message(rollout: Rollout, targets: list[RolloutTarget]) -> str:
    """Say for which freeze window a running rollout waits, "" where it waits for none."""
    why = {} if any(target.state in RolloutTarget.BUSY for target in targets) else held(rollout, targets)
    if not why:
        return ""
    now = rollout.now  # type: ignore[attr-defined]  # annotated where it was read
    batch = next_batch(standings(targets, now, why))
    return next((f"It goes on by itself later: {why[one.number]}" for one in batch if one.held), "")
