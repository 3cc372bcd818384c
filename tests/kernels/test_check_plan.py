"""Checks as an operation: of what is live and of a version, of all kernels or some, in every depth."""

from __future__ import annotations

import json

import pytest

from stacks.engine import manifest
from stacks.engine.errors import Cancelled, Refused
from stacks.engine.layout import Layout
from tests.engine.conftest import Runner, layout, owner, runner
from tests.kernels import corpus
from tests.kernels.corpus import Stage
from tests.kernels.test_change import sealed

__all__ = ["layout", "owner", "runner"]


@pytest.fixture
def on(layout: Layout) -> Stage:
    """A version “a” with a kernel that is well and one whose program is missing."""
    on = corpus.stage(layout, layout.building)
    on.tiny("well", "well")
    on.spec("missing", [f"{on.prefix}/bin/none", "{connection_file}"])
    sealed(on)
    return on


def told(outcome: dict[str, object]) -> dict[str, tuple[str, str, str]]:
    kernels = outcome["kernels"]
    assert isinstance(kernels, list)
    return {item["name"]: (item["depth"], item["state"], item["code"]) for item in kernels}


@pytest.mark.parametrize("depth", ["static", "interpreter", "launch"])
def test_of_a_version_on_disk(layout: Layout, runner: Runner, on: Stage, depth: str) -> None:
    before = manifest.scan(layout.version("a"))
    outcome = runner.run("kernel-check", version="a", depth=depth)
    assert told(outcome) == {"well": (depth, "ok", ""), "missing": (depth, "failed", "missing-interpreter")}
    assert (outcome["live"], outcome["checked_version"]) == (False, "a")
    assert manifest.scan(layout.version("a")) == before
    assert json.loads(json.dumps(outcome)) == outcome
    assert "missing: " in runner.text


def test_of_what_is_live_through_the_live_path(layout: Layout, runner: Runner, on: Stage) -> None:
    runner.run("deploy", version="a")
    outcome = runner.run("kernel-check", names=["well"])
    assert told(outcome) == {"well": ("launch", "ok", "")}
    assert (outcome["live"], outcome["checked_version"]) == (True, "a")
    assert {item["name"] for item in outcome["inventory"]} >= {"well", "missing"}


def test_what_is_not_there_is_refused(layout: Layout, runner: Runner, on: Stage) -> None:
    for asked, says in (
        ({}, "leads nowhere"),
        ({"version": "z"}, "does not exist"),
        ({"version": "a", "names": ["none"]}, "no kernelspec “none”"),
        ({"version": "a", "depth": "deep"}, "no depth of a check"),
        ({"version": "../a"}, "cannot name a version"),
    ):
        with pytest.raises(Refused, match=says):
            runner.plan("kernel-check", **asked)


def test_it_ends_when_it_is_cancelled(runner: Runner, on: Stage) -> None:
    runner.stop.cancelled.set()
    with pytest.raises(Cancelled):
        runner.run("kernel-check", version="a")
