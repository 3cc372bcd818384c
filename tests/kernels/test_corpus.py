"""Every broken kernelspec is named for what it is, and its like that is whole passes."""

from __future__ import annotations

import pytest

from stacks.engine import launch
from stacks.engine.kernels import checks, inventory
from stacks.engine.kernels.checks import Depth, Verdict
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.stop import Stop
from tests.engine.conftest import layout, owner
from tests.kernels import corpus
from tests.kernels.corpus import CORPUS, Broken, Stage

__all__ = ["layout", "owner"]


@pytest.fixture
def on(layout: Layout) -> Stage:
    return corpus.stage(layout)


def verdicts(on: Stage, owner: Owner, depth: Depth, timeout: float = 4.0) -> dict[str, Verdict]:
    sight = checks.sight_of(on.layout, on.tree)
    guest = launch.staged(on.layout, owner, on.tree)
    return {
        kernel.name: checks.check(kernel, sight, guest, depth, stop=Stop(), timeout=timeout)
        for kernel in inventory.take(sight)
        if kernel.environment
    }


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 25
    assert len({item.code for item in CORPUS}) >= 20


def test_all_that_files_tell_is_named(on: Stage, owner: Owner) -> None:
    found_by_files = [item for item in CORPUS if item.depth == "static"]
    corpus._ok(on, "good")
    for item in found_by_files:
        item.make(on)
    found = verdicts(on, owner, "static")
    assert {item.name: found[item.name].code for item in found_by_files} == {
        item.name: item.code for item in found_by_files
    }
    assert [name for name, verdict in found.items() if verdict.state == "ok"] == ["Clash", "good"]
    for item in found_by_files:
        assert found[item.name].reason.endswith(".")


@pytest.mark.parametrize("item", [item for item in CORPUS if item.depth != "static"], ids=lambda item: item.name)
def test_what_only_running_tells_is_named(on: Stage, owner: Owner, item: Broken) -> None:
    item.make(on)
    [static] = verdicts(on, owner, "static").values()
    assert static.state == "ok"
    [found] = verdicts(on, owner, item.depth).values()
    assert (found.state, found.code) == ("failed", item.code), found
    assert found.reason.endswith(".")


def test_stderr_is_kept_of_what_hangs_and_of_what_dies(on: Stage, owner: Owner) -> None:
    for item in CORPUS:
        if item.name in ("hangs", "dies"):
            item.make(on)
    found = verdicts(on, owner, "launch", timeout=2.5)
    assert "still here" in found["hangs"].output
    assert "oh no" in found["dies"].output
    assert "status 7" in found["dies"].reason


def test_a_flood_is_bounded(on: Stage, owner: Owner) -> None:
    next(item for item in CORPUS if item.name == "prints-rubbish").make(on)
    [found] = verdicts(on, owner, "launch", timeout=2.5).values()
    assert len(found.output) < 10_000
    assert "left out" in found.output


def test_the_same_kernels_whole_are_well(on: Stage, owner: Owner) -> None:
    on.tiny("well", "not at all")
    for depth in checks.DEPTHS:
        [found] = verdicts(on, owner, depth, timeout=20).values()
        assert (found.state, found.code) == ("ok", ""), found
        assert found.seconds < 20
