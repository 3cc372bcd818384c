"""The table that every bench fills: what was measured, against what, the goal, the median with its spread, the load.

A bench is a module with `main(table, quick)`; `run` makes a command of it: `[--quick] [--json FILE]`.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

BUSY = 25  # percent
RATIO = "×"
Pairs = Sequence[tuple[float, float]]
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "≤": operator.le,
    "<": operator.lt,
    "=": operator.eq,
    "≥": operator.ge,
}


@dataclass(frozen=True)
class Figure:
    """One line: the median of what was measured, its spread, and the one-minute load average when it was known.

    A point of a curve has the curve's name, “chart: line”, and its place on it: `at` so many of what grows. A goal in
    parentheses is that of something larger: it says which way is better, and nobody has to meet it.
    """

    what: str
    median: float
    least: float
    most: float
    unit: str = ""
    goal: str = ""
    against: str = ""
    note: str = ""
    load: float = 0.0
    curve: str = ""
    at: float = 0.0

    @property
    def sign(self) -> str:
        """How the goal compares, "" without one."""
        return self.goal.strip("()").partition(" ")[0]

    @property
    def bound(self) -> float:
        """The number of the goal, in the figure's unit."""
        return float(self.goal.strip("()").partition(" ")[2].replace(",", ""))

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without one that counts."""
        counts = self.goal and not self.goal.startswith("(")
        return SIGNS[self.sign](self.median, self.bound) if counts else None


class Table:
    """Prints figures as they come and keeps them; that of a quick run is `small`."""

    def __init__(self, *, small: bool = False) -> None:
        self.figures: list[Figure] = []
        self._small = small

    def of_large(self, goal: str) -> str:
        """Spell a goal that is for a stack of 40,000 files and more."""
        return f"({goal})" if self._small else goal

    def add(
        self, what: str, values: float | Sequence[float], unit: str = "",
        *, goal: str = "", against: str = "", note: str = "", curve: str = "", at: float = 0.0,
    ) -> None:  # fmt: skip
        """Add what was measured once or several times; `goal` is a sign and a number, in the same unit."""
        measured = [float(value) for value in (values if isinstance(values, Sequence) else [values])]
        median, load = statistics.median(measured), round(os.getloadavg()[0], 2)
        figure = Figure(what, median, min(measured), max(measured), unit, goal, against, note, load, curve, at)
        self.figures.append(figure)
        print(line(figure), flush=True)

    def ratio(self, what: str, pairs: Pairs, *, against: str, goal: str = "", note: str = "") -> None:
        """Add the ratio of pairs, ours and theirs, that were measured one after the other."""
        values = [them / us if "≥" in goal else us / them for us, them in pairs]
        self.add(what, values, RATIO, goal=goal, against=against, note=note)

    def write(self, path: Path) -> None:
        """Write the figures as JSON."""
        path.write_text(json.dumps([asdict(figure) for figure in self.figures], ensure_ascii=False))

    @staticmethod
    def read(path: Path) -> list[Figure]:
        """Read what `write` wrote."""
        return [Figure(**told) for told in json.loads(path.read_text())]


def calm(seconds: float = 15) -> None:
    """Wait, but not for ever, until others leave this machine's processors alone."""
    give_up_at = time.monotonic() + seconds
    while psutil.cpu_percent(0.5) > BUSY and time.monotonic() < give_up_at:
        pass


def head() -> str:
    """Spell what stands above the table."""
    return f"{'what':<66} {'against':<22} {'goal':>9} {'figure':>9} {'':5} {'spread':>15} {'load':>4}"


def line(figure: Figure) -> str:
    """Write a figure as a line of the table."""
    spread = f"{number(figure.least)}–{number(figure.most)}" if figure.least != figure.most else ""
    told = "  ".join(filter(None, [{True: "met", False: "MISSED", None: ""}[figure.met], figure.note]))
    first = f"{figure.what:<66} {figure.against:<22} {figure.goal:>9} {number(figure.median):>9} {figure.unit:<5}"
    return f"{first} {spread:>15} {figure.load:>4.1f}  {told}".rstrip()


def number(value: float) -> str:
    """Spell a number with as many places as tell something."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def run(main: Callable[[Table, bool], None], about: str) -> None:
    """Be the command of one bench."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything, fewer repeats")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--no-head", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    table = Table(small=asked.quick)
    if not asked.no_head:
        print(head())
    main(table, asked.quick)
    if asked.json:
        table.write(asked.json)
