"""The recorder of figures itself: a missed goal fails the test, and is in the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.__main__ import table
from tests.faults.conftest import FIGURES, record


def test_a_missed_goal_is_recorded_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FIGURES, str(tmp_path / "figures"))
    record("links", goal="0 failures", got=0, ok=True)
    with pytest.raises(AssertionError, match="links: 2, goal: 0 failures"):
        record("links", goal="0 failures", got=2, ok=False)
    rows = [json.loads(line) for line in (tmp_path / "figures").read_text().splitlines()]
    assert [row["ok"] for row in rows] == [True, False]
    assert table(rows)[2:] == ["| links | 0 failures | 0 | ✓ |", "| links | 0 failures | 2 | ✗ |"]
