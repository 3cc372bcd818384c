"""The figures as a picture: one bar for each, as a share of its goal, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bench.figures import Figure, number

LABEL, BAR, RIGHT, ROW, TOP = 470, 400, 150, 24, 44
DECADES = (0.001, 10)  # shares of the goal at the two ends
STYLE = """text{font:13px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.met{fill:#1a7f37}.missed{fill:#cf222e}
.goal{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:4 3}.grid{stroke:#d1d9e0}.spread{stroke:#59636e;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.met{fill:#3fb950}.missed{fill:#f85149}
.goal{stroke:#e6edf3}.grid{stroke:#3d444d}.spread{stroke:#9198a1}}"""


def draw(figures: Sequence[Figure]) -> str:
    """Draw those that have a goal that counts, other than nothing at all; a bar that ends left of it has met it."""
    shown = [figure for figure in figures if figure.met is not None and figure.bound]
    width, height = LABEL + BAR + RIGHT, TOP + ROW * len(shown) + 10
    rows = "".join(_row(figure, TOP + ROW * place) for place, figure in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>Figures as shares of their goals</title><style>{STYLE}</style>'
        f"{_scale(height)}{rows}</svg>\n"
    )


def _scale(height: int) -> str:
    lowest, highest = (round(math.log10(end)) for end in DECADES)
    lines = []
    for share in (10.0**power for power in range(lowest, highest + 1)):
        kind, told = ("goal", "goal") if share == 1 else ("grid", f"{share:g}")
        lines.append(f'<text class="quiet" x="{_x(share):.0f}" y="24" text-anchor="middle">{told}</text>')
        lines.append(f'<line class="{kind}" x1="{_x(share):.0f}" x2="{_x(share):.0f}" y1="32" y2="{height - 6}"/>')
    return "".join(lines)


def _row(figure: Figure, top: int) -> str:
    ends = sorted(map(_x, (_share(figure, figure.least), _share(figure, figure.most))))
    end, middle, mark = _x(_share(figure, figure.median)), top + 9, "met" if figure.met else "missed"
    said = f"{number(figure.median)} {figure.unit} ({figure.goal})"
    return (
        f'<text x="{LABEL - 10}" y="{top + 14}" text-anchor="end">{escape(figure.what.strip())}</text>'
        f'<rect class="{mark}" x="{LABEL}" y="{top + 3}" width="{end - LABEL:.1f}" height="13" rx="2"/>'
        f'<line class="spread" x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text x="{LABEL + BAR + 12}" y="{top + 14}">{escape(said)}</text>'
    )


def _share(figure: Figure, value: float) -> float:
    return figure.bound / value if figure.sign == "≥" and value else value / figure.bound


def _x(share: float) -> float:
    low, high = map(math.log10, DECADES)
    place = (math.log10(min(max(share, DECADES[0]), DECADES[1])) - low) / (high - low)
    return LABEL + max(0.005, place) * BAR
