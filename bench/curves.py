"""Figures that grow as a picture: lines on two logarithmic scales, with the spread of each point."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from html import escape

from bench.figures import Figure, number

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 800, 380, 70, 270, 40, 48
COLOURS = ("#0969da", "#1a7f37", "#bc4c00", "#8250df", "#cf222e", "#59636e")
STYLE = """text{font:13px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.grid{stroke:#d1d9e0}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.grid{stroke:#3d444d}}"""
Lines = dict[str, list[Figure]]


def charts(figures: Sequence[Figure]) -> dict[str, Lines]:
    """Sort the points of curves by chart and line."""
    found: dict[str, Lines] = defaultdict(lambda: defaultdict(list))
    for figure in figures:
        if figure.curve:
            chart, _, line = figure.curve.partition(": ")
            found[chart][line].append(figure)
    return {chart: dict(lines) for chart, lines in found.items()}


def draw(lines: Lines, title: str, grows: str) -> str:
    """Draw the lines of one chart over what `grows`; the unit is that of the points."""
    points = [point for line in lines.values() for point in line]
    plane = _Plane(points)
    drawn = "".join(
        _line(name, sorted(line, key=lambda one: one.at), plane, COLOURS[place % len(COLOURS)])
        for place, (name, line) in enumerate(lines.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img"><title>{escape(title)}</title><style>{STYLE}</style>'
        f'<text x="{LEFT}" y="20">{escape(title)}, {points[0].unit}</text>{plane.scales(grows)}{drawn}'
        f"{_legend(lines, plane)}</svg>\n"
    )


class _Plane:
    """Where a point lies on the paper."""

    def __init__(self, points: Sequence[Figure]) -> None:
        self.places = sorted({point.at for point in points})
        least, most = min(point.least for point in points), max(point.most for point in points)
        self._low, self._high = math.floor(math.log10(max(least, 1e-4))), math.ceil(math.log10(max(most, 1e-3)))

    def x(self, at: float) -> float:
        first, last = math.log10(self.places[0]), math.log10(self.places[-1])
        return LEFT + (math.log10(at) - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (math.log10(max(value, 1e-4)) - self._low) / ((self._high - self._low) or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def scales(self, grows: str) -> str:
        drawn = []
        for value in (10.0**power for power in range(self._low, self._high + 1)):
            y = self.y(value)
            drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}"/>')
            drawn.append(f'<text class="quiet" x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{value:g}</text>')
        for at in self.places:
            place = f'x="{self.x(at):.0f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle"'
            drawn.append(f'<text class="quiet" {place}>{at:,.0f}</text>')
        middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
        drawn.append(f'<text class="quiet" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(grows)}</text>')
        return "".join(drawn)


def _line(name: str, points: Sequence[Figure], plane: _Plane, colour: str) -> str:
    way = " ".join(f"{plane.x(point.at):.1f},{plane.y(point.median):.1f}" for point in points)
    marks = "".join(
        f'<circle cx="{plane.x(point.at):.1f}" cy="{plane.y(point.median):.1f}" r="3.5" fill="{colour}"><title>'
        f"{escape(name)}, {point.at:,.0f}: {number(point.median)} {point.unit}</title></circle>"
        f'<line x1="{plane.x(point.at):.1f}" x2="{plane.x(point.at):.1f}" y1="{plane.y(point.least):.1f}" '
        f'y2="{plane.y(point.most):.1f}" stroke="{colour}"/>'
        for point in points
    )
    return f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>{marks}'


def _legend(lines: Lines, plane: _Plane) -> str:
    """Name each line where it ends, apart from one another."""
    ends = {name: max(line, key=lambda one: one.at) for name, line in lines.items()}
    drawn, free = [], float(TOP)
    for name, end in sorted(ends.items(), key=lambda item: plane.y(item[1].median)):
        free = max(free + 16, plane.y(end.median) + 4)
        colour = COLOURS[list(lines).index(name) % len(COLOURS)]
        said = f"{name}: {number(end.median)} {end.unit}"
        drawn.append(f'<circle cx="{WIDTH - RIGHT + 12}" cy="{free - 4:.0f}" r="3.5" fill="{colour}"/>')
        drawn.append(f'<text x="{WIDTH - RIGHT + 20}" y="{free:.0f}">{escape(said)}</text>')
    return "".join(drawn)
