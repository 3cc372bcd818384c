"""Two admins, and more, who click at once: one operation, and everybody else is told who was first (F25, N18)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.access.clicks import CLICKS
from tests.conftest import REPOSITORY
from tests.faults.conftest import record


def clicked(home: Path, rounds: int, database_url: str = "") -> dict[str, Any]:
    variables = {
        **os.environ, "DLSTACK_HOME": str(home), "DLSTACK_ALLOWED_HOSTS": "localhost",
        "DJANGO_SETTINGS_MODULE": "dlstackweb.settings",
    }  # fmt: skip
    if database_url:
        variables["DATABASE_URL"] = database_url
    command = [sys.executable, "-m", "tests.access.clicks", str(rounds)]
    done = subprocess.run(command, env=variables, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def assert_one_wins(told: dict[str, Any], rounds: int) -> None:
    assert len(told["rounds"]) == rounds
    for one in told["rounds"]:
        assert one["operations"] == 1
        assert one["statuses"] == {"302": 1, "409": CLICKS - 1}
        assert one["clear"] == CLICKS - 1
    assert told["granted"] == 10
    assert told["wrong"] == ""
    assert told["asked"] == rounds
    assert told["entries"] > rounds
    assert told["refused"] == told["changes"]


def test_fifty_clicks_on_sqlite(tmp_path: Path) -> None:
    assert_one_wins(clicked(tmp_path, 1), 1)


def test_fifty_clicks_on_postgres(tmp_path: Path) -> None:
    with postgres.running() as url:
        assert_one_wins(clicked(tmp_path, 1, url), 1)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_fifty_clicks_a_hundred_times(tmp_path: Path) -> None:
    found = {"SQLite": clicked(tmp_path / "sqlite", 100)}
    with postgres.running() as url:
        found["PostgreSQL"] = clicked(tmp_path / "postgres", 100, url)
    for name, told in found.items():
        worst = max(one["p95"] for one in told["rounds"])
        operations = sum(one["operations"] for one in told["rounds"])
        refusals = sum(one["clear"] for one in told["rounds"])
        record(
            f"{CLICKS} simultaneous clicks × 100, {name}",
            goal=f"100 operations, {100 * (CLICKS - 1):,} clear refusals",
            got=f"{operations} operations, {refusals:,} clear refusals, p95 {worst:.2f} s",
            ok=(operations, refusals) == (100, 100 * (CLICKS - 1)),
        )
        assert_one_wins(told, 100)
