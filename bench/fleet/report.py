"""Runs the bench of the fleet, keeps what it found, and writes the table of docs/scaling.md.

make bench-fleet        (python -m bench.fleet.report [--quick]; with --quick nothing is kept)
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import kept
from bench.__main__ import measured
from bench.figures import Figure, number

DOCS = Path(__file__).parents[2] / "docs"
FIGURES, PAGE = DOCS / "figures/fleet.json", DOCS / "scaling.md"
BEGINS, ENDS = "<!-- figures: written by make bench-fleet -->\n", "<!-- end of figures -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet.report", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few machines, and nothing is kept")
    asked = parser.parse_args()
    began, about = time.monotonic(), kept.machine()
    found = measured("fleet", quick=asked.quick)
    if found is None:
        sys.exit(1)
    if not asked.quick:
        told = {"quick": False, "seconds": round(time.monotonic() - began), "machine": about}
        kept.write(FIGURES, kept.Run({"fleet": found}, told))
        PAGE.write_text(with_table(PAGE.read_text(), table(found)))


def with_table(page: str, table: str) -> str:
    """Put the table in the place of the one that is there."""
    before, _, rest = page.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n{table}\n{ENDS}{after}"


def table(figures: Sequence[Figure]) -> str:
    """Lay the figures out: one column for each size, then what stands for itself."""
    sizes = list(
        dict.fromkeys(one.against for one in figures if one.against.endswith(" machines") and one.against[0] != "o")
    )
    cells = {(one.what, one.against): f"{number(one.median)} {one.unit}".strip() for one in figures}
    whats = list(
        dict.fromkeys(one.what for one in figures if one.against in sizes and not one.what.startswith("a rollout"))
    )
    lines = [f"| | {' | '.join(sizes)} |", f"|---|{'---|' * len(sizes)}"]
    lines += [f"| {what} | {' | '.join(cells.get((what, size), '–') for size in sizes)} |" for what in whats]
    rolled = [one for one in figures if one.what.startswith("a rollout")]
    others = [one for one in figures if one.against not in sizes]
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {one.what}, {one.against} | {number(one.median)} {one.unit} |" for one in rolled]
    lines += [f"| {_named(one)} | {number(one.median)} {one.unit}".rstrip() + " |" for one in others]
    return "\n".join(lines) + "\n"


def _named(figure: Figure) -> str:
    return ", ".join(filter(None, (figure.what, figure.against, figure.note)))


if __name__ == "__main__":
    main()
