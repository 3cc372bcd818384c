"""Every system call by which a verb of the engine's command changes the machine fails once, and kills once (F3, F5).

That is the command's own calls and those of the programs that it starts, as strace finds them in a run that goes well.
`-k revert-copied` narrows it to a verb, and DLSTACK_SWEEP, a pattern of what is printed (“error=EIO at 0 fsync .*/b$”),
to calls, of which each is then swept.
"""

from __future__ import annotations

import os
import random
import re
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
CREW = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "tests.faults.sweep")
NUMBER = 2 * (os.cpu_count() or 1)  # an injection waits for programs half of its time
CHUNK = 10
PATTERN = "DLSTACK_SWEEP"
PART = 8  # injections of each verb in `make test`
Results = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def crews() -> Iterator[Crews]:
    with Crews(*CREW, number=NUMBER) as begun:
        yield begun


@pytest.fixture(scope="module")
def calls(crews: Crews, request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """The calls that change something, by verb of those tests that were chosen."""
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    asked = [{"verb": item.callspec.params["verb"].name} for item in here]  # type: ignore[attr-defined]
    return {order["verb"]: answer["calls"] for order, answer in crews.do(asked)}


@pytest.fixture(scope="module")
def every(full: bool) -> bool:
    """Tell whether everything is injected, of all calls or of those that are asked for by a pattern."""
    return full or PATTERN in os.environ


@pytest.fixture(scope="module")
def results(crews: Crews, calls: dict[str, list[str]], every: bool) -> Results:
    """Inject everything; the results by verb."""
    seed = os.environ.get("DLSTACK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nDLSTACK_SEED={seed}")
    chunks = [
        {"verb": verb, "orders": orders[at : at + CHUNK]}
        for verb in calls
        for orders in [chosen(calls[verb], random.Random(f"{seed} {verb}"), every=every)]
        for at in range(0, len(orders), CHUNK)
    ]
    found: Results = defaultdict(list)
    for order, answer in crews.do(chunks):
        assert answer["calls"] == calls[order["verb"]], "calls are known by their numbers"
        found[order["verb"]] += answer["results"]
    return found


def chosen(calls: list[str], chance: random.Random, *, every: bool) -> list[dict[str, Any]]:
    """Choose what is injected where: all of it, or a part."""
    asked = re.compile(os.environ.get(PATTERN, ""))
    orders = [
        {"call": number, "how": how}
        for number, call in enumerate(calls)
        for how in (KILL, *ERRORS)
        if asked.search(f"{how} at {call}")
    ]
    return orders if every else chance.sample(orders, min(len(orders), PART))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: re.sub("[, ]+", "-", verb.name))
def test_any_call_fails(verb: Verb, calls: dict[str, list[str]], results: Results, figure: Figure) -> None:
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
        ok=not broken and not missed,
    )
