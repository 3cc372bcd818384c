"""The rule of rollouts alone: every case by hand, and what must hold of any run of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stacks.models import Rollout, RolloutTarget
from stacks.rollouts.rule import Next, Standing, batch_of, decide

STATES = {
    "w": "waiting", "r": "running", "s": "succeeded", "f": "failed", "x": "skipped",
    "R": "reverting", "b": "reverted", "k": "kept",
}  # fmt: skip


def standings(batches: str) -> list[Standing]:
    """Read “s,ww” as machines in batches that a comma parts."""
    found: list[Standing] = []
    for batch, letters in enumerate(batches.split(",")):
        for letter in letters:
            ended = 100.0 if letter in "sfb" else None
            found.append(Standing(len(found), batch, STATES[letter], ended))
    return found


def decided(state: str, batches: str, *, reverts: bool = False, pause: float = 0, now: float = 1000) -> Next:
    return decide(state, standings(batches), reverts=reverts, pause=pause, now=now)


CASES = {
    # the first batch, and no more than it
    ("running", "w,ww"): Next("running", begin=(0,)),
    ("running", "ww,w"): Next("running", begin=(0, 1)),
    # nothing while a machine is at work, in whatever state
    ("running", "r,ww"): Next("running"),
    ("running", "sr,w"): Next("running"),
    ("running", "fr,w"): Next("running"),
    ("cancelling", "sr,x"): Next("cancelling"),
    ("reverting", "Rs,w"): Next("reverting"),
    # one batch after the other
    ("running", "s,ww"): Next("running", begin=(1, 2)),
    ("running", "x,ww"): Next("running", begin=(1, 2)),
    ("running", "s,sw"): Next("running", begin=(2,)),
    ("running", "s,ss"): Next("succeeded"),
    ("running", "x,xx"): Next("succeeded"),
    # a failure stops it
    ("running", "f,ww"): Next("stopped"),
    ("running", "s,sf,w"): Next("stopped"),
    ("running", "s,f"): Next("stopped"),
    # what is stopped or has ended does nothing
    ("stopped", "f,ww"): Next("stopped"),
    ("succeeded", "ss"): Next("succeeded"),
    ("failed", "f,w"): Next("failed"),
    ("cancelled", "s,x"): Next("cancelled"),
    # on the way back
    ("reverting", "s,sf,w"): Next("reverting", revert=(0, 1)),
    ("reverting", "f,w"): Next("failed"),
    ("reverting", "b,kf,w"): Next("failed"),
    ("cancelling", "s,x"): Next("cancelled"),
    ("cancelling", "sf,x"): Next("cancelled"),
}


@pytest.mark.parametrize(("asked", "expected"), CASES.items(), ids=[f"{state} {how}" for state, how in CASES])
def test_what_follows(asked: tuple[str, str], expected: Next) -> None:
    assert decided(*asked) == expected


def test_a_failure_leads_back_where_that_was_asked_for() -> None:
    assert decided("running", "s,f,w", reverts=True) == Next("reverting")
    assert decided("running", "s,fr,w", reverts=True) == Next("running")
    assert decided("running", "s,ss", reverts=True) == Next("succeeded")


@pytest.mark.parametrize(("now", "goes_on"), [(100, False), (129, False), (130, True), (5000, True), (-5000, True)])
def test_the_pause_is_between_two_batches(now: float, goes_on: bool) -> None:
    asked = decided("running", "s,w", pause=30, now=now)
    assert asked.begin == ((1,) if goes_on else ())
    assert decided("running", "w,w", pause=30, now=now).begin == (0,)  # and not before the first
    assert decided("running", "ss", pause=30, now=now) == Next("succeeded")  # nor after the last


@pytest.mark.parametrize(
    ("canary", "batch", "expected"),
    [(0, 2, [0, 0, 1, 1, 2]), (1, 2, [0, 1, 1, 2, 2]), (2, 9, [0, 0, 1, 1, 1]), (9, 1, [0] * 5), (0, 5, [0] * 5)],
)
def test_batches(canary: int, batch: int, expected: list[int]) -> None:
    assert [batch_of(order, canary=canary, batch=batch) for order in range(5)] == expected


@pytest.mark.parametrize(
    ("untaken", "unheard", "is_lost"),
    [(0, inf, False), (179, inf, False), (180, inf, True), (180, 179, False), (899, 10, False), (900, 0, True)],
)
@pytest.mark.parametrize(("state", "letter"), [("running", "r"), ("reverting", "R"), ("cancelling", "r")])
def test_what_no_worker_takes_is_given_up(
    state: str, letter: str, untaken: float, unheard: float, is_lost: bool
) -> None:
    done, waits, other = standings(f"s{letter}{letter}")
    machines = [done, replace(waits, untaken=untaken, unheard=unheard), other]
    follows = decide(state, machines, reverts=True, pause=0, now=1000)
    assert follows == Next(state, give_up=(waits.number,) if is_lost else ())


def test_a_machine_that_is_done_is_not_given_up() -> None:
    [done] = standings("s")
    long_ago = replace(done, untaken=1e6, unheard=inf)
    assert decide("running", [long_ago], reverts=False, pause=0, now=1000) == Next("succeeded")


@given(
    count=some.integers(1, 12), pace=some.tuples(some.integers(0, 12), some.integers(1, 12)), reverts=some.booleans(),
    outcomes=some.lists(some.sampled_from(["succeeded", "succeeded", "failed", "skipped"]), min_size=12, max_size=12),
    order=some.randoms(use_true_random=False),
)  # fmt: skip
def test_any_run_ends_and_submits_nothing_twice(
    count: int, pace: tuple[int, int], reverts: bool, outcomes: list[str], order: random.Random
) -> None:
    """Ends come in any order; whatever they are, it comes to rest, batch by batch."""
    machines = [Standing(one, batch_of(one, canary=pace[0], batch=pace[1]), "waiting") for one in range(count)]
    state, begun, back = "running", Counter[int](), Counter[int]()
    for _ in range(10 * count + 10):
        follows = decide(state, machines, reverts=reverts, pause=0, now=0)
        begun.update(follows.begin)
        back.update(follows.revert)
        if follows == Next(state) and (busy := [one for one in machines if one.state in RolloutTarget.BUSY]):
            one = order.choice(busy)
            end = "reverted" if one.state == "reverting" else outcomes[one.number]
            machines[one.number] = replace(one, state=end, ended=0.0)
            continue
        assert follows != Next(state) or state not in Rollout.MOVING, "it rests although nothing is at work"
        for number in follows.begin:
            assert all(one.state != "failed" for one in machines)
            assert all(one.state != "waiting" for one in machines if one.batch < machines[number].batch)
            machines[number] = replace(machines[number], state="running")
        for number in follows.revert:
            assert machines[number].state == "succeeded"
            machines[number] = replace(machines[number], state="reverting")
        if follows.state == state and state not in Rollout.MOVING:
            break
        state = follows.state
    assert state not in Rollout.MOVING
    assert set(begun.values()) | set(back.values()) <= {1}
    failed = any(one.state == "failed" for one in machines)
    assert state == ("succeeded" if not failed else "failed" if reverts else "stopped")
    if failed and reverts:
        assert all(one.state != "succeeded" for one in machines)
