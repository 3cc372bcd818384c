"""Power cuts: a filesystem in a file is copied at each step and mounted as after a boot (F6)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.crews import Crews
from tests.faults.power.disk import KINDS, Kind, missing

pytestmark = [needs_root, pytest.mark.slow, pytest.mark.timeout(3600)]
ALL = 10**6
PART = 20  # cuts that `make test` looks at
DRILLS = {"ext4": 2, "xfs": 1, "btrfs": 1}  # each cuts at every point


@pytest.fixture(scope="module")
def crews() -> Iterator[Crews]:
    with Crews("unshare", "--mount", "tests.faults.power") as begun:
        yield begun


@pytest.fixture(scope="module")
def seed() -> str:
    found = os.environ.get("DLSTACK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nDLSTACK_SEED={found}")
    return found


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind.name == "ext4" else pytest.mark.faults) for kind in KINDS],
    ids=lambda kind: kind.name,
)  # fmt: skip
def test_what_was_reported_as_done_is_there_and_nothing_is_torn(
    kind: Kind, crews: Crews, seed: str, full: bool, figure: Figure
) -> None:
    if reason := missing(kind):
        pytest.skip(reason)
    seeds = [f"{seed} {drill}" for drill in range(DRILLS[kind.name] if full else 1)]
    orders = [{"kind": kind.name, "seed": one, "most": ALL if full else PART, "mutant": ""} for one in seeds]
    answers = [answer for _, answer in crews.do(orders)]
    broken = [told for answer in answers for told in answer["broken"]]
    cuts = [point for answer in answers for point in answer["points"]]
    print("\n".join(broken))
    got = f"{len(cuts)} cuts at {len(set(cuts))} points: {len(broken)} bad"
    figure(f"power cut: {kind.name}", goal="0 mixed, 0 empty, 0 lost after success", got=got, ok=not broken)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("mutant", "shows"), [("sync_filesystem", "does not agree with its manifest"), ("sync_directory", "lost: ")]
)
def test_without_one_way_to_make_things_durable_the_cuts_find_damage(
    mutant: str, shows: str, crews: Crews, seed: str, figure: Figure
) -> None:
    if reason := missing(KINDS[0]):
        pytest.skip(reason)
    [(_, answer)] = crews.do([{"kind": "ext4", "seed": seed, "most": ALL, "mutant": mutant}])
    damage = sum(shows in told for told in answer["broken"])
    figure(f"power cut: ext4 without {mutant}", goal="damage is found", got=f"{damage} times", ok=damage > 0)
