"""A build, a deploy and a revert of a real stack, beside the same work done by hand.

    python -m bench.stacks [--quick] [--json FILE]

The stack comes from the package index; a second version moves two of its packages. Rounds are interleaved: DLStack,
by hand, DLStack, by hand. An operation's time is that from when it was asked for to its end. Needs root or bubblewrap.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.byhand import Procedure, copy, in_ram, new_blocks, rsync, timed
from bench.figures import RATIO, Table, calm, run
from bench.imports import importing
from bench.instance import Instance, by_step, instance, seconds
from bench.switching import switching

SMALL = ["ipykernel", "numpy", "astropy"]
LARGE = [
    *SMALL, "jupyterlab", "scipy", "pandas", "matplotlib", "astroquery", "pyvo", "bokeh", "healpy", "photutils",
    "specutils", "lmfit", "emcee", "plotly", "h5py", "numba", "scikit-learn", "ipympl", "ipywidgets", "jupyterhub",
    "sparclclient", "astro-datalab",
]  # fmt: skip
OLDER = {"astropy": "astropy<7.1", "ipykernel": "ipykernel<7"}  # the two packages that move


def main(table: Table, quick: bool) -> None:
    packages = SMALL if quick else LARGE
    with instance("quick" if quick else "whole") as dlstack, in_ram() as ram:
        by_hand = Procedure(dlstack.home / "by-hand", ram)
        building(table, dlstack, by_hand, packages, rounds=2)
        deploying(table, dlstack, ram, rounds=2 if quick else 3)
        switching(table, dlstack, by_hand, rounds=3 if quick else 5, switches=10 if quick else 50)
        importing(table, dlstack, "v1", quick)


def building(table: Table, dlstack: Instance, by_hand: Procedure, packages: Sequence[str], rounds: int) -> None:
    """Build versions and bare environments in turn: first the older packages, then with two that moved."""
    cache, older = dlstack.layout.cache, [OLDER.get(package, package) for package in packages]
    first = dlstack.build("v0", older)
    by_hand.build(older, cache)
    by_hand.keep("v0")
    ours, bare, last = [], [], first
    if not dlstack.had_cache:
        by_hand.build(packages, cache)  # what moves comes into the cache
    calm()
    for number in range(1, rounds + 1):
        bare.append(by_hand.build(packages, cache))
        last = dlstack.build(f"v{number}", packages)
        ours.append(seconds(last))
    by_hand.keep("v1")
    files, size = last.outcome["files"], last.outcome["bytes"]
    told = f"{files:,} files, {size / 1e9:.2f} GB; by hand {min(bare):.1f} s; {by_step(last)}"
    what, pairs = "build of a stack, warm cache, manifest and seal included", list(zip(ours, bare, strict=True))
    table.ratio(what, pairs, against="uv pip install", goal="≤ 1.5", note=told)
    if dlstack.had_cache:
        table.add("  the first version of a root", seconds(first), "s", note=by_step(first))
    v0, v1 = dlstack.layout.version("v0"), dlstack.layout.version("v1")
    share, goal = new_blocks(v1, [v0]) / new_blocks(v1), table.of_large("≤ 0.15")
    table.add("disk for one more version, two packages moved", share, RATIO, goal=goal, against="full copy")


def deploying(table: Table, dlstack: Instance, ram: Path, rounds: int) -> None:
    """Deploy the second version where the first is resident, and copy it into RAM by hand."""
    layout, place = dlstack.layout, ram / "copy"
    dlstack.deploy("v0")
    others: dict[str, Callable[[], None]] = {
        "cp -a": lambda: copy(layout.version("v1"), place),
        "rsync -a --link-dest": lambda: rsync(layout.version("v1"), place, f"--link-dest={layout.resident('v0')}"),
    }
    ours, whole, theirs, added, last = [], [], [], [], None
    calm()
    for _ in range(rounds):
        theirs.append(timed(lambda: rsync(layout.version("v1"), place)))
        full = new_blocks(place)
        shutil.rmtree(place)
        last = dlstack.deploy("v1")
        ours.append(seconds(last) - seconds(last, "health", "confirm"))  # by hand nobody starts a kernel
        whole.append(seconds(last))
        added.append(new_blocks(layout.resident("v1"), [layout.resident("v0")]) / full)
        dlstack.revert("v0")
        leave_ram(layout.resident("v1"))
    told = f"by hand {min(theirs):.1f} s; {by_step(last)}"
    what = "deploy of a second version into RAM, without starting its kernels"
    pairs, goal = list(zip(ours, theirs, strict=True)), table.of_large("≤ 0.35")
    table.ratio(what, pairs, against="rsync -a", goal=goal, note=told)
    for name, work in others.items():
        beside = [taken_by(work, place) for _ in range(2)]
        table.ratio(f"  beside {name}", [(us, them) for us in ours[-2:] for them in beside], against=name)
    table.add("  bytes that it adds", added, RATIO, goal=table.of_large("≤ 0.15"), against="rsync -a")
    table.add("  whole operation, kernels started before and after", whole, "s", note=f"kernels: {kernels(last)}")
    dlstack.deploy("v1")


def taken_by(work: Callable[[], None], place: Path) -> float:
    """Time what makes a place, and remove it."""
    took = timed(work)
    shutil.rmtree(place)
    return took


def kernels(operation: Any) -> str:
    return ", ".join(f"{one['name']} {one.get('seconds') or 0:.1f} s" for one in operation.outcome.get("kernels", []))


def leave_ram(tree: Path) -> None:
    """Take a resident version out of RAM, as a reboot would."""
    aside = tree.with_name(".bench-aside")
    tree.rename(aside)
    shutil.rmtree(aside)


if __name__ == "__main__":
    run(main, __doc__ or "")
