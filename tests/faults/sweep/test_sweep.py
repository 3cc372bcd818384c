"""Every system call by which a verb of the engine's command changes the machine fails once, and kills once (F3, F5).

That is the command's own calls and those of the programs that it starts, as strace finds them in a run that goes well.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.crews import Crews
from tests.faults.sweep.injection import ERRORS, KILL
from tests.faults.sweep.verbs import VERBS, Verb

pytestmark = [
    needs_root,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]
CHUNK = 10
PART = 8  # injections of each verb in `make test`
Results = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def crews() -> Iterator[Crews]:
    with Crews("unshare", "--mount", "tests.faults.sweep") as begun:
        yield begun


@pytest.fixture(scope="module")
def calls(crews: Crews) -> dict[str, list[str]]:
    """The calls of each verb that change something."""
    return {order["verb"]: answer["calls"] for order, answer in crews.do({"verb": verb.name} for verb in VERBS)}


@pytest.fixture(scope="module")
def results(crews: Crews, calls: dict[str, list[str]], full: bool) -> Results:
    """Inject everything; the results by verb."""
    seed = os.environ.get("DLSTACK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nDLSTACK_SEED={seed}")
    chunks = [
        {"verb": verb, "orders": orders[at : at + CHUNK]}
        for verb in calls
        for orders in [chosen(len(calls[verb]), random.Random(f"{seed} {verb}"), full=full)]
        for at in range(0, len(orders), CHUNK)
    ]
    found: Results = defaultdict(list)
    for order, answer in crews.do(chunks):
        found[order["verb"]] += answer["results"]
    return found


def chosen(number: int, chance: random.Random, *, full: bool) -> list[dict[str, Any]]:
    """Choose what is injected where: all of it, or a part."""
    orders = [{"call": call, "how": how} for call in range(number) for how in (KILL, *ERRORS)]
    return orders if full else chance.sample(orders, min(len(orders), PART))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_any_call_fails(verb: Verb, calls: dict[str, list[str]], results: Results, figure: Figure, full: bool) -> None:
    found = results[verb.name]
    broken = [f"{one['how']} at {one['wanted']}: {told}" for one in found for told in one["violations"]]
    missed = [
        f"{one['how']} at {one['wanted']}: hit was {one['label'] or 'nothing'}" for one in found if not one["covered"]
    ]
    print("\n".join([*broken, *missed]))
    number = len(calls[verb.name])
    figure(
        f"sweep: {verb.name}",
        goal="KILL, ENOSPC and EIO at 100 % of calls, 0 bad states",
        got=f"{number} calls, {len(found) - len(missed)} of {len(found)} injected, {len(broken)} bad states",
        ok=not broken and (not missed or not full),
    )
