"""Rollouts as people ask for them: begun, resumed, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from access import audit
from access.models import AuditEntry
from access.roles import OPERATE
from stacks import marks, operations
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation, Rollout, RolloutTarget
from stacks.rollouts import builds, places
from stacks.rollouts.advancing import advance
from stacks.rollouts.rule import batch_of
from stacks.storable import storable

LONGEST_PAUSE = 7 * 24 * 3600  # seconds
MOST = 100_000  # machines at once
State = Rollout.State
Of = RolloutTarget.State


@dataclass(frozen=True, slots=True)
class Pace:
    """How many machines are first, how many then at a time (0 for all that remain), and the seconds between."""

    canary: int = 0
    batch: int = 0
    pause: int = 0

    def refuse_if_wrong(self) -> None:
        """Raise Refused for a number that cannot be."""
        if not (0 <= self.canary <= MOST and 0 <= self.batch <= MOST):
            raise Refused(f"Canary and batch are numbers of machines, from 0 to {MOST}.")
        if not 0 <= self.pause <= LONGEST_PAUSE:
            raise Refused(f"The pause is in seconds, from 0 to {LONGEST_PAUSE}.")


def deploy(
    *,
    machines: Sequence[Machine],
    version: str,
    pace: Pace,
    on_failure: str = Rollout.OnFailure.STOP,
    any_build: bool = False,
    requested_by: User | None,
    reason: str = "",
) -> Rollout:
    """Ask for a version to be deployed on machines, in their order; the first batch is submitted at once.

    Raises Refused, with the names of the machines, where it is known that it cannot be done, and unless `any_build`
    where they have different builds of that name.
    """
    _refuse_wrong(machines, pace, requested_by)
    if on_failure not in Rollout.OnFailure.values:
        raise Refused(f"On failure it can “stop” or “revert”, not “{on_failure}”.")
    places.refuse_lacking(version, machines)
    places.refuse_settled(version, machines)
    if not any_build:
        builds.refuse_apart(version, machines)
    asked = Rollout(
        kind=Rollout.Kind.DEPLOY, version=version, on_failure=on_failure,
        requested_by=requested_by, reason=storable(reason),
    )  # fmt: skip
    return _begin(asked, pace, machines, {machine.pk: version for machine in machines})


def revert(
    *, machines: Sequence[Machine], pace: Pace, mark_bad: bool = False, requested_by: User | None, reason: str = ""
) -> Rollout:
    """Ask for machines to go back, each to its own last healthy version; rollouts that deploy there are cancelled.

    With `mark_bad`, which needs a reason, what each leaves is marked bad. Raises Refused where there is no way back.
    """
    _refuse_wrong(machines, pace, requested_by)
    if mark_bad:
        marks.checked_reason(reason, "mark what is left as bad")
    to = places.reverts_to(machines)
    asked = Rollout(kind=Rollout.Kind.REVERT, mark_bad=mark_bad, requested_by=requested_by, reason=storable(reason))
    with transaction.atomic():
        for other in in_the_way(machines):
            cancel(rollout=other, by=requested_by)
        return _begin(asked, pace, machines, to)


def in_the_way(machines: Sequence[Machine]) -> list[Rollout]:
    """Give the unfinished rollouts that would deploy again on machines that are to go back."""
    waiting = RolloutTarget.objects.filter(machine__in=machines, state__in=(Of.WAITING, Of.RUNNING))
    deploys = Rollout.objects.filter(kind=Rollout.Kind.DEPLOY, state__in=(State.RUNNING, State.STOPPED))
    return list(deploys.filter(pk__in=waiting.values("rollout")).order_by("pk"))


def resume(*, rollout: Rollout, by: User | None) -> Rollout:
    """Try the machines again that failed, for who resumes, then go on; raises Refused unless it is stopped."""
    operations.refuse_unless_allowed(by=by, right=OPERATE)
    with transaction.atomic():
        held = _held(rollout, State.STOPPED, "resumed")
        Rollout.objects.filter(pk=held.pk).update(state=State.RUNNING, message="", requested_by=by)
        failed = held.targets.filter(state=Of.FAILED)
        _refuse_double(lambda: failed.update(state=Of.WAITING, operation=None, message="", ended_at=None))
        audit.record(AuditEntry.Kind.OPERATION, f"The {rollout} was resumed", by=by)
        advance(held.pk)
    rollout.refresh_from_db()
    return rollout


def cancel(*, rollout: Rollout, by: User | None) -> Rollout:
    """Begin no further machine, and ask those at work to end and undo; raises Refused when it has ended.

    Machines that are done stay as they are.
    """
    operations.refuse_unless_allowed(by=by, right=OPERATE)
    with transaction.atomic():
        held = _held(rollout, (State.RUNNING, State.STOPPED), "cancelled")
        said = f"Cancelled by {by or marks.COMMAND_LINE}."
        Rollout.objects.filter(pk=held.pk).update(state=State.CANCELLING, message=said)
        held.targets.filter(state=Of.WAITING).update(state=Of.SKIPPED, message=said)
        audit.record(AuditEntry.Kind.CANCEL, f"The {rollout} was to end", by=by)
        for target in held.targets.filter(state=Of.RUNNING).select_related("operation__machine"):
            _end(target.operation, by)
        advance(held.pk)
    rollout.refresh_from_db()
    return rollout


def stop_all(message: str) -> None:
    """Stop every rollout that would begin or revert machines by itself; what ends by itself goes on."""
    Rollout.objects.filter(state__in=(State.RUNNING, State.REVERTING)).update(state=State.STOPPED, message=message)


def _begin(asked: Rollout, pace: Pace, machines: Sequence[Machine], to: dict[int, str]) -> Rollout:
    asked.canary, asked.pause = min(pace.canary, len(machines)), pace.pause
    asked.batch = pace.batch or len(machines)
    places.refuse_taken(machines)
    with transaction.atomic():
        asked.save()
        _refuse_double(lambda: RolloutTarget.objects.bulk_create(_targets(asked, machines, to)))
        names = ", ".join(machine.name for machine in machines)
        what = f"rollout #{asked.pk}: {asked.kind} {asked.version}".strip()
        why = f": {asked.reason}" if asked.reason else ""
        audit.record(AuditEntry.Kind.OPERATION, f"{what} on {names} was asked for{why}", by=asked.requested_by)
        advance(asked.pk)
    asked.refresh_from_db()
    return asked


def _targets(asked: Rollout, machines: Sequence[Machine], to: dict[int, str]) -> list[RolloutTarget]:
    digests = builds.of(asked.version, machines) if asked.version else {}
    return [
        RolloutTarget(
            rollout=asked, machine=machine, order=order, version=to[machine.pk], manifest=digests.get(machine.pk, ""),
            batch=batch_of(order, canary=asked.canary, batch=asked.batch),
        )
        for order, machine in enumerate(machines)
    ]  # fmt: skip


def _refuse_wrong(machines: Sequence[Machine], pace: Pace, by: User | None) -> None:
    operations.refuse_unless_allowed(by=by, right=OPERATE)
    pace.refuse_if_wrong()
    if not machines:
        raise Refused("Say on which machines.")
    if len({machine.pk for machine in machines}) < len(machines):
        raise Refused("Name each machine once.")


def _held(rollout: Rollout, states: str | tuple[str, ...], done: str) -> Rollout:
    held = Rollout.objects.select_for_update(of=("self",)).get(pk=rollout.pk)
    if held.state not in ((states,) if isinstance(states, str) else states):
        raise Refused(f"The {rollout} is {held.state}: it cannot be {done}.")
    return held


def _refuse_double(write: Callable[[], object]) -> None:
    """Write; raises Refused where a machine waits in another rollout, which was asked for at the same time."""
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        raise Refused("One of these machines waits in another rollout: resume or cancel that first.") from None


def _end(operation: Operation | None, by: User | None) -> None:
    try:
        if operation is not None:
            operations.request_cancel(operation=operation, by=by)
    except Refused:  # it has ended by itself
        return
