"""How many kernels run per version, for the machine's card."""

from __future__ import annotations

import pytest

from kernels import seen
from stacks.engine.kernels.running import Running
from stacks.models import Machine


@pytest.mark.django_db
def test_they_are_added_up_by_version(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = [Running("a", 1, "py", 2), Running("b", 1, "py", 5), Running("a", 1, "r", 1), Running("a", 2, "py", 1)]
    monkeypatch.setattr(seen, "running", lambda _: counted)
    assert seen.tally(machine) == {
        "kernels_running": [
            {"version": "b", "kernels": 5, "users": 1},
            {"version": "a", "kernels": 4, "users": 2},
        ]
    }
