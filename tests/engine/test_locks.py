from __future__ import annotations

import subprocess

import pytest

from stacks.engine import locks
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout


def test_a_lane_is_held_by_one(layout: Layout) -> None:
    with locks.lane_lock(layout, "live", "deploy #7 by alice"):
        with pytest.raises(Refused, match="deploy #7 by alice"), locks.lane_lock(layout, "live"):
            pass
        with locks.lane_lock(layout, "build"):
            assert not locks.is_free(layout, "live")
    assert locks.is_free(layout, "live")


def test_a_child_that_still_runs_keeps_the_lane(layout: Layout) -> None:
    with locks.lane_lock(layout, "live") as descriptor:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(descriptor,))
    try:
        assert not locks.is_free(layout, "live")
    finally:
        child.kill()
        child.wait()
    assert locks.is_free(layout, "live")
