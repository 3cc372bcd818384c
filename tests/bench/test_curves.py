"""The pictures of what grows: each line through its points, in order, named where it ends."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

from bench import curves
from bench.figures import Figure, Table

SVG = "{http://www.w3.org/2000/svg}"


def point(line: str, at: float, median: float, chart: str = "files") -> Figure:
    return Figure(f"{line} {at}", median, median / 2, median * 2, "s", curve=f"{chart}: {line}", at=at)


def test_points_are_sorted_by_chart_and_line() -> None:
    figures = [point("deploy", 10, 1), Figure("a row", 1, 1, 1), point("seal", 10, 2), point("/", 1, 3, "machines")]
    found = curves.charts(figures)
    assert found == {"files": {"deploy": [figures[0]], "seal": [figures[2]]}, "machines": {"/": [figures[3]]}}


def test_a_line_rises_with_what_grows() -> None:
    line = [point("deploy <b>", at, median) for at, median in ((300_000, 30.0), (10_000, 1.0), (100_000, 10.0))]
    drawn = ET.fromstring(curves.draw({"deploy <b>": line, "seal": [point("seal", 10_000, 5)]}, "Two", "files"))
    way = next(drawn.iter(f"{SVG}polyline")).get("points") or ""
    places = [tuple(map(float, pair.split(","))) for pair in way.split()]
    assert len(places) == 3
    assert all(left[0] < right[0] and left[1] > right[1] for left, right in pairwise(places))
    told = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"Two, s", "deploy <b>: 30 s", "seal: 5 s", "300,000", "files"} <= set(told)


def test_names_of_lines_that_end_together_are_legible() -> None:
    lines = {name: [point(name, 1, 1), point(name, 10, 1)] for name in "abc"}
    drawn = ET.fromstring(curves.draw(lines, "Three", "versions"))
    named = [float(text.get("y") or 0) for text in drawn.iter(f"{SVG}text") if (text.text or "").endswith(": 1 s")]
    assert all(right - left >= 16 for left, right in pairwise(sorted(named)))


def test_a_table_keeps_what_belongs_to_a_curve(tmp_path: Path) -> None:
    table = Table()
    table.add("10 files", [1.0, 2.0], "s", curve="files: deploy", at=10)
    table.write(tmp_path / "figures.json")
    assert curves.charts(Table.read(tmp_path / "figures.json")) == {"files": {"deploy": table.figures}}
