"""The bench of the fleet: its table, and one small run of it with real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import kept
from bench.figures import Figure
from bench.fleet import report
from bench.fleet.seen import Seen, percentile
from tests.conftest import REPOSITORY


def figure(what: str, median: float, unit: str = "", against: str = "", note: str = "") -> Figure:
    return Figure(what, median, median, median, unit, "", against, note)


FOUND = [
    figure("rows", 1, "/s", "10 machines"),
    figure("a rollout over 5 machines", 2, "s", "10 machines"),
    figure("rows", 1500, "/s", "1,000 machines"),
    figure("late", 0.5, "s", "1,000 machines"),
    figure("one machine a minute: rows", 90, against="of 1,000 machines"),
    figure("machines with which it broke", 2000, note="clicks wait"),
]


def test_there_is_a_column_for_each_size_and_a_line_for_what_stands_alone() -> None:
    assert report.table(FOUND).splitlines() == [
        "| | 10 machines | 1,000 machines |",
        "|---|---|---|",
        "| rows | 1 /s | 1,500 /s |",
        "| late | – | 0.50 s |",
        "",
        "| | |",
        "|---|---|",
        "| a rollout over 5 machines, 10 machines | 2 s |",
        "| one machine a minute: rows, of 1,000 machines | 90 |",
        "| machines with which it broke, clicks wait | 2,000 |",
    ]


def test_a_table_takes_the_place_of_the_one_before() -> None:
    page = f"before\n\n{report.BEGINS}\nold\n{report.ENDS}\nafter\n"
    assert report.with_table(page, "new\n") == f"before\n\n{report.BEGINS}\nnew\n\n{report.ENDS}\nafter\n"


def test_the_page_holds_the_table_of_what_is_kept() -> None:
    page = report.PAGE.read_text()
    assert report.with_table(page, report.table(kept.read(report.FIGURES).figures)) == page


@pytest.mark.parametrize(
    ("late", "claimed", "rollout", "why"),
    [
        (0.1, [0.2] * 99 + [9], 3.0, ""),
        (11, [0.2], 3.0, "upkeep comes 11 s late"),
        (0.1, [0.2] * 9 + [9], 3.0, "clicks wait for more than 5 s"),
        (0.1, [], 3.0, "clicks wait for more than 5 s"),
        (0.1, [0.2], None, "the rollout did not end"),
    ],
)
def test_what_counts_as_broken(late: float, claimed: list[float], rollout: float | None, why: str) -> None:
    seen = Seen(9, {}, 1, late, 1, 1, claimed, 1, rollout, 1, 1)
    assert seen.broken == why


def test_percentiles() -> None:
    assert (percentile([3, 1, 2], 95), percentile(list(range(100)), 95), percentile([], 95)) == (3, 95, 0)


@pytest.mark.slow
@pytest.mark.long
def test_a_few_machines_on_real_servers(tmp_path: Path) -> None:
    """What was clicked was claimed and ended, and the meters moved."""
    argv = [sys.executable, "-m", "bench.fleet", "--quick", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    told = {one["what"]: one["median"] for one in json.loads((tmp_path / "figures.json").read_text())}
    assert told["operations that ended"] >= 6  # those of the rollout
    assert told["database: rows written"] > 0
    assert 0 < told["database: connections at once"] < 60
    assert told["processor of the database, of one core"] > 0
    assert not list(Path("/tmp").glob("dlstack-bench-*/redis.sock"))
