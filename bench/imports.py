"""How long processes that begin at once take to import a stack: from the disk, from RAM, through the live path.

That is why the ramdisks are there: an import searches the tree, and a spinning disk chokes under many users.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.byhand import forget_cached
from bench.figures import Table, calm
from bench.instance import Instance

CHART = "imports"
IMPORTED = "numpy, pandas, astropy.table, matplotlib.pyplot"
SMALL = "numpy, IPython, astropy.table"  # of the stack of a quick run
AT_ONCE = (1, 4, 16)


def importing(table: Table, dlstack: Instance, name: str, quick: bool) -> None:
    """Start so many processes at once, and again, in a resident version; tells when the last is done."""
    live, layout = dlstack.layout.live, dlstack.layout
    if live.readlink().name != name:
        dlstack.revert(name)
    places = {"disk, warm": layout.version(name), "RAM": layout.resident(name), "the live path": live}
    what = SMALL if quick else IMPORTED
    calm()
    for number in AT_ONCE[:2] if quick else AT_ONCE:
        for place, tree in places.items():
            told(table, place, number, [at_once(tree, number, what) for _ in range(1 if number > 4 else 2)])
        if os.geteuid() == 0:  # nobody else may empty the kernel's cache
            told(table, "disk, cold", number, [cold(layout.version(name), number, what)])


def told(table: Table, place: str, number: int, taken: Sequence[Sequence[float]]) -> None:
    row = f"import of the stack by {number} at once from {place}, the last of them"
    middle = statistics.median(statistics.median(one) for one in taken)
    note = f"half of them within {middle:.1f} s"
    table.add(row, [max(one) for one in taken], "s", note=note, curve=f"{CHART}: {place}", at=number)


def cold(tree: Path, number: int, what: str) -> list[float]:
    forget_cached()
    return at_once(tree, number, what)


def at_once(tree: Path, number: int, what: str) -> list[float]:
    """Give the seconds that each process took from the start of them all until it had imported everything."""
    asked = f"import time; print(time.monotonic()); import {what}; print(time.monotonic())"
    argv = [str(tree / "anaconda3/bin/python"), "-B", "-c", asked]
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd="/") for _ in range(number)]
    stamps = [process.communicate()[0].split() for process in started]
    assert all(process.returncode == 0 for process in started), f"the stack in {tree} cannot be imported"
    began = min(float(first) for first, _ in stamps)
    return [float(last) - began for _, last in stamps]
