"""Reverts of a real stack through the page and by hand, and switches under readers and starting kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.byhand import Procedure, forget_cached, in_ram, rsync, timed
from bench.figures import RATIO, Pairs, Table, calm
from bench.instance import Instance
from bench.log import ARGUMENTS
from bench.reader import Known, failing, reading
from stacks.engine import versions

BY_HAND = "rsync -a --delete"


def switching(table: Table, dlstack: Instance, by_hand: Procedure, rounds: int, switches: int) -> None:
    """Revert through the page and by hand in turn, and switch again and again, under readers and starting kernels."""
    live, listed = dlstack.layout.live, dlstack.home / "known.json"
    listed.write_text(json.dumps(moved_files(dlstack)))
    by_hand.serve("v1")
    torn = reverting(table, dlstack, by_hand, rounds, listed)
    with reading(live, listed) as counts, starting(dlstack) as started:
        began = time.monotonic()
        for _ in range(switches):
            dlstack.revert("v1" if live.readlink().name == "v0" else "v0")
        took = time.monotonic() - began
    told = f"{counts['reads']:,} reads in {took:.0f} s, {switches} switches"
    what = "reads through the live path that fail or mix, while it is switched"
    table.add(what, failing(counts), "%", goal="= 0", against=f"manual {sum(torn) / len(torn):.0f} %", note=told)
    table.add("  by hand, during the revert", torn, "%", against=BY_HAND)
    table.add("  kernels that start mixed", started["mixed"], goal="= 0", note=f"of {started['kernels']} started")


def reverting(table: Table, dlstack: Instance, by_hand: Procedure, rounds: int, listed: Path) -> list[float]:
    """Revert through the page and by hand in turn; gives the percent of reads that failed or mixed by hand."""
    found = Reverts()
    with sync_playwright() as playwright, playwright.chromium.launch(
        executable_path="/usr/bin/chromium", args=ARGUMENTS
    ) as browser:  # fmt: skip
        page = dlstack.context(browser).new_page()
        calm()
        for number in range(rounds):
            to, back = f"v{number % 2}", f"v{(number + 1) % 2}"
            clicked = click(page, dlstack, to)
            dlstack.idle()
            found.pairs.append((clicked, timed(lambda to=to: by_hand.revert(to))))
            by_hand.revert(back)
            with reading(by_hand.live, listed) as counts:
                by_hand.revert(to)
            found.torn.append(failing(counts))
        for number in range(rounds, rounds + rounds // 2):
            found.cold += from_cold(page, dlstack, by_hand, f"v{number % 2}")
    sealed = between_sealed(dlstack)
    found.shared = [(us, them) for us, _ in found.pairs for them in sealed]
    found.tell(table)
    return found.torn


@dataclass
class Reverts:
    """Seconds of reverts, ours and by hand; `shared` is by hand too, but between versions that DLStack sealed."""

    pairs: list[tuple[float, float]] = field(default_factory=list)
    cold: list[tuple[float, float]] = field(default_factory=list)
    shared: list[tuple[float, float]] = field(default_factory=list)
    torn: list[float] = field(default_factory=list)

    def tell(self, table: Table) -> None:
        """Add the rows."""
        ours, theirs = zip(*self.pairs, strict=True)
        table.add("revert to a resident version, click → link moved, through the page", ours, "s", goal="≤ 0.5")
        told, faster = f"by hand {min(theirs):.2f} s", table.of_large("≥ 20")
        table.ratio("  times faster than the manual revert", self.pairs, against=BY_HAND, goal=faster, note=told)
        if self.cold:
            what = "  the same, when nobody has read the disk for days"
            table.ratio(what, self.cold, against=BY_HAND, goal=faster)
        told = f"{min(them for _, them in self.shared):.2f} s: equal files have equal times and are passed over"
        times = [them / us for us, them in self.shared]
        table.add("  the same rsync, between versions that DLStack sealed", times, RATIO, against=BY_HAND, note=told)


def from_cold(page: Page, dlstack: Instance, by_hand: Procedure, to: str) -> Pairs:
    """Revert through the page and by hand, each with nothing of the disk in memory; nothing where one may not."""
    if os.geteuid() != 0:
        return []
    ours = click(page, dlstack, to, prepare=forget_cached)
    dlstack.idle()
    forget_cached()
    return [(ours, timed(lambda: by_hand.revert(to)))]


def between_sealed(dlstack: Instance) -> list[float]:
    """Put our own versions over each other in one copy by rsync, there and back, twice; gives the seconds of each."""
    v0, v1 = (dlstack.layout.version(name) for name in ("v0", "v1"))
    with in_ram() as ram:
        rsync(v1, ram / "sw")
        return [timed(partial(rsync, tree, ram / "sw", "--delete")) for tree in (v0, v1, v0, v1)]


# In a moment, when nobody asks the browser for anything: whoever measures is not to be in the way of what is measured.
PRESS = """() => {
  addEventListener("click", () => sessionStorage.setItem("clicked", Date.now()), true);
  setTimeout(() => document.getElementById("confirm").click(), 500);
}"""


def click(page: Page, dlstack: Instance, to: str, prepare: Callable[[], None] = lambda: None) -> float:
    """Revert on the page; gives the seconds from the click in the browser until the live path leads to the version."""
    page.goto(f"/machines/local/revert/?version={to}")
    page.get_by_label("Reason").fill("bench")
    prepare()
    with ThreadPoolExecutor(1) as other, page.expect_navigation(url="**/operations/*/"):
        moved = other.submit(when_it_leads_to, dlstack.layout.live, to)
        page.evaluate(PRESS)
    return moved.result() - float(page.evaluate("sessionStorage.getItem('clicked')")) / 1000


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
