"""What a rollout does next: one rule, from how its machines stand to what is submitted, or how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stacks.models import Rollout, RolloutTarget

State = Rollout.State
Of = RolloutTarget.State


UNHEARD = 180.0  # seconds that a machine's operation waits for a worker of which nothing is heard
UNTAKEN = 900.0  # seconds that it waits for one that is heard: a recovery may hold its lane (`running.runner`)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one machine stands: its batch, its state, and when it ended, in seconds of any clock.

    `untaken` is for how many seconds no worker took its operation, 0 where one did; `unheard` for how many nothing was
    heard of the worker whose it is. What is `held` may not begin now: it is in a freeze window.
    """

    number: int
    batch: int
    state: str
    ended: float | None = None
    untaken: float = 0.0
    unheard: float = 0.0
    held: bool = False

    @property
    def is_lost(self) -> bool:
        """Tell whether its operation is waited for no longer."""
        waits = self.state in RolloutTarget.BUSY
        return waits and (min(self.untaken, self.unheard) >= UNHEARD or self.untaken >= UNTAKEN)


@dataclass(frozen=True, slots=True)
class Next:
    """The state that follows, and the machines, by their numbers, that are begun, reverted or given up now."""

    state: str
    begin: tuple[int, ...] = ()
    revert: tuple[int, ...] = ()
    give_up: tuple[int, ...] = ()


def batch_of(order: int, *, canary: int, batch: int) -> int:
    """Give the batch of the machine at a place in the order: the canaries are the first, if there are any."""
    if order < canary:
        return 0
    return (order - canary) // batch + (1 if canary else 0)


def decide(state: str, machines: Sequence[Standing], *, reverts: bool, pause: float, now: float) -> Next:
    """Tell what follows; while a machine is at work nothing does, but one that no worker serves is given up.

    `reverts` asks that a failure leads to a revert of what was changed; `pause` is waited for between two batches.
    """
    if state not in Rollout.MOVING:
        return Next(state)
    if _any(machines, *RolloutTarget.BUSY):
        return Next(state, give_up=tuple(one.number for one in machines if one.is_lost))
    if state == State.CANCELLING:
        return Next(State.CANCELLED)
    if state == State.REVERTING:
        changed = _numbers(machines, Of.SUCCEEDED)
        return Next(state, revert=changed) if changed else Next(State.FAILED)
    if _any(machines, Of.FAILED):
        return Next(State.REVERTING if reverts else State.STOPPED)
    if not _any(machines, Of.WAITING):
        return Next(State.SUCCEEDED)
    batch = next_batch(machines)
    waits = _rests(machines, pause, now) or any(one.held for one in batch)
    return Next(state) if waits else Next(state, begin=_numbers(batch, Of.WAITING))


def next_batch(machines: Sequence[Standing]) -> list[Standing]:
    """Give the machines that wait and are next; a batch begins as a whole, or not at all while one is held."""
    waiting = [one for one in machines if one.state == Of.WAITING]
    first = min((one.batch for one in waiting), default=None)
    return [one for one in waiting if one.batch == first]


def _rests(machines: Sequence[Standing], pause: float, now: float) -> bool:
    """Tell whether the pause after the last batch is not over; a clock that was set back ends it."""
    ended = [one.ended for one in machines if one.ended is not None]
    return bool(ended) and abs(now - max(ended)) < pause


def _numbers(machines: Iterable[Standing], state: str) -> tuple[int, ...]:
    return tuple(one.number for one in machines if one.state == state)


def _any(machines: Iterable[Standing], *states: str) -> bool:
    return any(one.state in states for one in machines)
