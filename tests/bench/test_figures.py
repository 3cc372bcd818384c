"""The frame of the benches: goals, the table, what is kept, what got worse, and the picture. Nothing is timed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench import chart, kept
from bench.figures import RATIO, Figure, Table, line


def ratio(median: float, goal: str = "≤ 0.35", spread: float = 0.02, what: str = "deploy") -> Figure:
    return Figure(what, median, median - spread / 2, median + spread / 2, RATIO, goal, "rsync -a")


@pytest.mark.parametrize(
    ("goal", "median", "met"),
    [
        *(("≤ 0.35", 0.35, True), ("≤ 0.35", 0.36, False), ("< 300", 300, False), ("≥ 20", 20, True)),
        *(("= 0", 0, True), ("= 0", 1, False), ("≤ 1,000", 999, True), ("", 5, None)),
    ],
)
def test_a_goal_is_a_sign_and_a_number(goal: str, median: float, met: bool | None) -> None:
    assert Figure("x", median, median, median, goal=goal).met is met


def test_the_table_prints_the_median_and_the_spread(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table()
    table.add("revert", [3.0, 1.0, 2.0], "s", goal="≤ 0.5", against="rsync -a --delete", note="why")
    table.add("lines lost", 0, goal="= 0")
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["revert", "rsync", "-a", "--delete", "≤", "0.5", "2", "s", "1–3", first.split()[-3],
                             "MISSED", "why"]  # fmt: skip
    assert "–" not in second
    assert second.endswith("met")
    assert [(figure.median, figure.least, figure.most) for figure in table.figures] == [(2, 1, 3), (0, 0, 0)]


@pytest.mark.parametrize(("small", "met"), [(False, False), (True, None)])
def test_a_goal_of_large_things_does_not_count_in_a_small_run(small: bool, met: bool | None) -> None:
    table = Table(small=small)
    table.ratio("revert", [(0.1, 1.0)], against="rsync", goal=table.of_large("≥ 20"))
    table.add("lines", 1, goal="≤ 3")
    revert, lines = table.figures
    assert (revert.median, revert.met, lines.met) == (10, met, True)
    assert ("revert" in chart.draw(table.figures)) is not small


def test_a_goal_that_does_not_count_says_which_way_is_better() -> None:
    before, now = (Table(small=True) for _ in range(2))
    for table, seconds in ((before, 0.1), (now, 0.2)):
        table.ratio("revert", [(seconds, 1.0)], against="rsync", goal=table.of_large("≥ 20"))
    assert list(kept.worse(before.figures, now.figures)) == ["revert: 10 → 5, which is more than its spread."]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = Table()
    table.add("“ü”", [0.1, 0.2], RATIO, goal="≤ 1", note="n")
    table.write(tmp_path / "figures.json")
    assert Table.read(tmp_path / "figures.json") == table.figures


def test_a_run_is_kept_and_read(tmp_path: Path) -> None:
    run = kept.Run({"pages": [ratio(0.3)]}, {"quick": True, "machine": kept.machine()})
    kept.write(tmp_path / "figures" / "quick.json", run)
    found = kept.read(tmp_path / "figures" / "quick.json")
    assert found.figures == run.figures
    assert found.about["machine"]["processors"] == run.about["machine"]["processors"]


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (ratio(0.20), ratio(0.215), ""),  # within the spread
        (ratio(0.20), ratio(0.23), "0.20 → 0.23"),
        (ratio(0.20), ratio(0.23, spread=0.04), ""),  # the later run is less sure
        (ratio(0.20), ratio(0.15), ""),
        (ratio(30, "≥ 20"), ratio(25, "≥ 20"), "30 → 25"),
        (ratio(30, "≥ 20"), ratio(40, "≥ 20"), ""),
        (ratio(0.20, ""), ratio(0.90, ""), ""),  # what has no goal has no worse
        (ratio(0.34, spread=0.2), ratio(0.36, spread=0.2), "the goal ≤ 0.35 × was met and is not"),
        (replace(ratio(0.2), unit="s"), replace(ratio(0.3), unit="s"), ""),  # seconds depend on the machine
        (ratio(0.20), ratio(0.90, what="another"), ""),
    ],
)
def test_worse_is_what_lost_more_than_its_spread(before: Figure, now: Figure, said: str) -> None:
    found = list(kept.worse([before], [now]))
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_the_picture_has_a_bar_for_each_figure_with_a_goal() -> None:
    figures = [ratio(0.1), ratio(400, "≥ 20", what="a <revert>"), ratio(0.9), Figure("lost", 0, 0, 0, goal="= 0")]
    drawn = ET.fromstring(chart.draw(figures))
    name = "{http://www.w3.org/2000/svg}"
    bars = [(bar.get("class"), float(bar.get("width") or 0)) for bar in drawn.iter(f"{name}rect")]
    assert [kind for kind, _ in bars] == ["met", "met", "missed"]
    assert bars[1][1] < bars[0][1] < bars[2][1]  # a twentieth of what is allowed, a third, more than all
    assert "a <revert>" in [text.text for text in drawn.iter(f"{name}text")]
    assert "met" in line(figures[0])
