"""A build, a deploy and a revert of a real stack, beside the same work done by hand.

    python -m bench.stacks [--quick] [--json FILE]

The stack comes from the package index; a second version moves two of its packages. Rounds are interleaved: DLStack,
by hand, DLStack, by hand. An operation's time is that from when it was asked for to its end. Needs root or bubblewrap.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.byhand import copy, forget_cached, in_ram, install, new_blocks, relink, rsync, timed
from bench.figures import RATIO, Table, calm, run
from bench.imports import importing
from bench.instance import Instance, by_step, instance, seconds
from bench.log import ARGUMENTS
from bench.reader import Known, failing, reading
from stacks.engine import versions

SMALL = ["jupyterlab", "ipykernel", "numpy", "astropy"]
LARGE = [
    *SMALL, "scipy", "pandas", "matplotlib", "astroquery", "pyvo", "bokeh", "healpy", "photutils", "specutils", "lmfit",
    "emcee", "plotly", "h5py", "numba", "scikit-learn", "ipympl", "ipywidgets", "jupyterhub", "sparclclient",
    "astro-datalab",
]  # fmt: skip
OLDER = {"astropy": "astropy<7.1", "ipykernel": "ipykernel<7"}  # the two packages that move


def main(table: Table, quick: bool) -> None:
    packages = SMALL if quick else LARGE
    with instance("quick" if quick else "whole") as dlstack, in_ram() as ram:
        building(table, dlstack, packages, rounds=2)
        deploying(table, dlstack, ram, rounds=3 if quick else 5)
        switching(table, dlstack, ram, rounds=3 if quick else 5, switches=10 if quick else 50)
        importing(table, dlstack, "v1", quick)


def building(table: Table, dlstack: Instance, packages: Sequence[str], rounds: int) -> None:
    """Build versions and bare environments in turn: first the older packages, then with two that moved."""
    cache, place = dlstack.layout.cache, dlstack.home / "bare"
    first = dlstack.build("v0", [OLDER.get(package, package) for package in packages])
    place.mkdir()
    ours, bare, last = [], [], first
    if not dlstack.had_cache:
        install(place / "e0", packages, cache)  # what moves comes into the cache
    calm()
    for number in range(1, rounds + 1):
        bare.append(install(place / f"e{number}", packages, cache))
        last = dlstack.build(f"v{number}", packages)
        ours.append(seconds(last))
    shutil.rmtree(place)
    files, size = last.outcome["files"], last.outcome["bytes"]
    told = f"{files:,} files, {size / 1e9:.2f} GB; by hand {min(bare):.1f} s; {by_step(last)}"
    what, pairs = "build of a stack, warm cache, manifest and seal included", list(zip(ours, bare, strict=True))
    ratio(table, what, pairs, against="uv pip install", goal="≤ 1.5", note=told)
    if dlstack.had_cache:
        table.add("  the first version of a root", seconds(first), "s", note=by_step(first))
    v0, v1 = dlstack.layout.version("v0"), dlstack.layout.version("v1")
    share = new_blocks(v1, [v0]) / new_blocks(v1)
    table.add("disk for one more version, two packages moved", share, RATIO, goal="≤ 0.15", against="full copy")


Pairs = list[tuple[float, float]]


def ratio(table: Table, what: str, pairs: Pairs, *, against: str, goal: str = "", note: str = "") -> None:
    """Add the ratio of pairs, ours and theirs, that were measured one after the other."""
    values = [them / us if goal.startswith("≥") else us / them for us, them in pairs]
    table.add(what, values, RATIO, goal=goal, against=against, note=note)


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
    ratio(table, what, list(zip(ours, theirs, strict=True)), against="rsync -a", goal="≤ 0.35", note=told)
    for name, work in others.items():
        beside = [taken_by(work, place) for _ in range(2)]
        ratio(table, f"  beside {name}", [(us, them) for us in ours[-2:] for them in beside], against=name)
    table.add("  bytes that it adds", added, RATIO, goal="≤ 0.15", against="rsync -a")
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


def switching(table: Table, dlstack: Instance, ram: Path, rounds: int, switches: int) -> None:
    """Revert through the page and by hand in turn, and switch again and again, under readers and starting kernels."""
    live, by_hand, listed = dlstack.layout.live, ram / "sw", ram / "known.json"
    listed.write_text(json.dumps(moved_files(dlstack)))
    rsync(dlstack.layout.version("v1"), by_hand)
    by_hand.with_name("sw.hdd").symlink_to("sw.v1")
    clicks: list[float] = []
    theirs: list[float] = []
    torn: list[float] = []
    with sync_playwright() as playwright, playwright.chromium.launch(
        executable_path="/usr/bin/chromium", args=ARGUMENTS
    ) as browser:  # fmt: skip
        page = dlstack.context(browser).new_page()
        calm()
        for number in range(rounds):
            to, back = f"v{number % 2}", f"v{(number + 1) % 2}"
            clicks.append(click(page, dlstack, to))
            dlstack.idle()
            theirs.append(timed(lambda to=to: manual(dlstack, to, by_hand)))
            rsync(dlstack.layout.version(back), by_hand, "--delete")
            with reading(by_hand, listed) as counts:
                manual(dlstack, to, by_hand)
            torn.append(failing(counts))
        cold = [from_cold(page, dlstack, f"v{(rounds + number) % 2}", by_hand) for number in range(2)]
    table.add("revert to a resident version, click → link moved, through the page", clicks, "s", goal="≤ 0.5")
    told = f"by hand {min(theirs):.2f} s"
    pairs, against = list(zip(clicks, theirs, strict=True)), "rsync -a --delete"
    ratio(table, "  times faster than the manual revert", pairs, against=against, goal="≥ 20", note=told)
    if all(us for us, _ in cold):
        ratio(table, "  the same, when nobody has read the disk for days", cold, against=against, goal="≥ 20")
    with reading(live, listed) as counts, starting(dlstack) as started:
        began = time.monotonic()
        for number in range(switches):
            dlstack.revert(f"v{(rounds + number) % 2}")
        took = time.monotonic() - began
    told = f"{counts['reads']:,} reads in {took:.0f} s, {switches} switches"
    what = "reads through the live path that fail or mix, while it is switched"
    table.add(what, failing(counts), "%", goal="= 0", against=f"manual {sum(torn) / len(torn):.0f} %", note=told)
    table.add("  by hand, during the revert", torn, "%", against="rsync -a --delete")
    table.add("  kernels that start mixed", started["mixed"], goal="= 0", note=f"of {started['kernels']} started")


def manual(dlstack: Instance, to: str, by_hand: Path) -> None:
    """Revert as by hand: over the tree that users run, then the backing link; nothing is halted or started."""
    rsync(dlstack.layout.version(to), by_hand, "--delete")
    relink(by_hand.with_name("sw.hdd"), f"sw.{to}")


def from_cold(page: Page, dlstack: Instance, to: str, by_hand: Path) -> tuple[float, float]:
    """Revert through the page and by hand, each with nothing of the disk in memory; zeros where one may not."""
    if os.geteuid() != 0:
        return 0.0, 0.0
    ours = click(page, dlstack, to, prepare=forget_cached)
    dlstack.idle()
    forget_cached()
    return ours, timed(lambda: manual(dlstack, to, by_hand))


NOTE_THE_CLICK = "addEventListener('click', () => sessionStorage.setItem('clicked', Date.now()), true)"


def click(page: Page, dlstack: Instance, to: str, prepare: Callable[[], None] = lambda: None) -> float:
    """Revert on the page; gives the seconds from the click in the browser until the live path leads to the version."""
    page.goto(f"/machines/local/revert/?version={to}")
    page.get_by_label("Reason").fill("bench")
    page.evaluate(NOTE_THE_CLICK)
    prepare()
    with ThreadPoolExecutor(1) as other:
        moved = other.submit(when_it_leads_to, dlstack.layout.live, to)
        page.get_by_role("button", name=f"Revert to {to}").click()
        clicked = float(page.evaluate("sessionStorage.getItem('clicked')")) / 1000
        return moved.result() - clicked


def when_it_leads_to(live: Path, version: str) -> float:
    give_up_at = time.monotonic() + 60
    while not str(live.readlink()).endswith(f"/{version}"):
        if time.monotonic() > give_up_at:
            raise SystemExit(f"{live} never led to {version}.")
        time.sleep(0.001)
    return time.time()


def moved_files(dlstack: Instance, most: int = 400) -> list[Known]:
    """Name files of the moved packages that both versions have, with both digests."""
    v0, v1 = (versions.tree(dlstack.layout, name).manifest.by_path for name in ("v0", "v1"))
    both = [path for path, entry in v0.items() if entry.type == "f" and path in v1 and path.endswith(".py")]
    found = [(path, v0[path].digest, v1[path].digest) for path in both if v0[path].digest != v1[path].digest]
    return found[:: max(1, len(found) // most)]


IMPORTS = """import json, importlib.metadata as told, astropy, time
time.sleep(0.1)
import ipykernel
print(json.dumps([told.version("astropy"), astropy.__version__, told.version("ipykernel"), ipykernel.__version__]))
"""


@contextmanager
def starting(dlstack: Instance) -> Iterator[dict[str, int]]:
    """Start what the kernel of the live version starts, one after another; counts those that found two versions."""
    known = []
    for name in ("v0", "v1"):
        packages = versions.need_sealed(dlstack.layout, name).packages["anaconda3"]
        known.append([packages[package] for package in ("astropy", "ipykernel") for _ in range(2)])
    counts, ended = {"kernels": 0, "mixed": 0}, threading.Event()

    def start() -> None:
        while not ended.is_set():
            spec = json.loads((dlstack.layout.live / "anaconda3/share/jupyter/kernels/python3/kernel.json").read_text())
            argv = [*spec["argv"][: spec["argv"].index("-m")], "-c", IMPORTS]
            said = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
            counts["kernels"] += 1
            counts["mixed"] += said.returncode != 0 or json.loads(said.stdout) not in known
            if said.returncode:
                print(said.stderr[-500:], file=sys.stderr)

    with ThreadPoolExecutor(1) as other:
        going_on = other.submit(start)
        try:
            yield counts
        finally:
            ended.set()
            going_on.result()


if __name__ == "__main__":
    run(main, __doc__ or "")
