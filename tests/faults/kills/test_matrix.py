"""The kill matrix: every operation killed at every named point, and in between, and again while it is mended (F1–F5).

In full each point is repeated so often that all ends in time; the seed that chose the instants is printed.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.plans import PLANS
from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.crews import Crews
from tests.faults.kills.scenarios import SCENARIOS, Scenario

pytestmark = [needs_root, pytest.mark.slow, pytest.mark.timeout(3600)]
LIMIT = 30.0  # seconds that a recovery may take
CHUNK = 10  # kills that a crew is given at a time
Results = dict[str, list[dict[str, Any]]]


def test_every_kind_of_operation_is_killed() -> None:
    assert {scenario.kind for scenario in SCENARIOS} == PLANS.keys()


@pytest.fixture(scope="module")
def seed() -> str:
    return os.environ.get("DLSTACK_SEED") or str(random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="module")
def surveys(crews: Crews) -> dict[str, dict[str, Any]]:
    """What each scenario passes through when nobody kills it."""
    answers = crews.do({"scenario": scenario.name} for scenario in SCENARIOS)
    return {order["scenario"]: answer for order, answer in answers}


@pytest.fixture(scope="module")
def crews() -> Iterator[Crews]:
    with Crews("tests.faults.kills") as begun:
        yield begun


@pytest.fixture(scope="module")
def results(crews: Crews, surveys: dict[str, dict[str, Any]], seed: str, full: bool) -> Results:
    """Kill everything; the results by scenario."""
    print(f"\nDLSTACK_SEED={seed}")
    chunks = [
        {"scenario": scenario.name, "orders": orders[at : at + CHUNK]}
        for scenario in SCENARIOS
        for orders in [chosen(scenario, surveys[scenario.name], seed, full=full)]
        for at in range(0, len(orders), CHUNK)
    ]
    found: Results = defaultdict(list)
    for order, answer in crews.do(chunks):
        found[order["scenario"]] += answer["results"]
    return found


def chosen(scenario: Scenario, survey: dict[str, Any], seed: str, *, full: bool) -> list[dict[str, Any]]:
    """Choose where to kill: each point at one of the times that it is passed, and each step at any instant.

    A part of it all is a few of each.
    """
    chance = random.Random(f"{seed} {scenario.name}")
    named, within = repeats(scenario) if full else (1, 1)
    orders = [
        {"point": point, "occurrence": chance.randint(1, count), **more(scenario, chance)}
        for point, count in survey["points"].items()
        for _ in range(named)
    ]
    orders += [
        {"point": step, "at": chance.random(), **more(scenario, chance)}
        for step in survey["seconds"]
        for _ in range(within)
    ]
    return orders if full else chance.sample(orders, min(len(orders), 2 if scenario.slow else 6))


def repeats(scenario: Scenario) -> tuple[int, int]:
    """Give how often each named point, and each step at an instant by chance, is repeated in full."""
    return (1, 5) if scenario.slow else (1, 20)


def more(scenario: Scenario, chance: random.Random) -> dict[str, Any]:
    """Choose what else happens: some recoveries are killed too, and what takes seconds is rarely repeated."""
    is_killed, is_repeated = chance.random() < 0.25, not scenario.slow or chance.random() < 0.25
    return {"again": chance.randint(1, 12) if is_killed else 0, "repeated": is_repeated}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_killed_at_any_point(scenario: Scenario, surveys: dict[str, Any], results: Results, figure: Figure) -> None:
    found = results[scenario.name]
    killed = [result for result in found if result["killed"]]
    broken = [f"{result['order']}: {violation}" for result in found for violation in result["violations"]]
    longest = max((result["recovery"] for result in found), default=0.0)
    points = len(surveys[scenario.name]["points"]) + len(surveys[scenario.name]["seconds"])
    print("\n".join(broken))
    got = f"{len(killed)} kills at {points} points: {len(broken)} violations, recovery ≤ {longest:.1f} s"
    got = " – ".join([got, *broken[:5]])  # in the table, which outlasts a run that is ended
    figure(
        f"kill: {scenario.name}",
        goal=f"0 violations, recovery ≤ {LIMIT:.0f} s",
        got=got,
        ok=not broken and longest <= LIMIT and missed(found) == [],
    )


def missed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the orders for a named point that was not reached: a test that cannot fail."""
    return [result["order"] for result in found if result["order"]["at"] < 0 and not result["killed"]]
