"""The sizes of the fleet, one after the other."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import bench.fleet
from bench.figures import Table, calm, run
from bench.fleet import real
from bench.fleet.people import rolled
from bench.fleet.plane import Plane
from bench.fleet.seen import Seen, percentile

SIZES, QUICK = (250, 1000, 2000, 3000), (20,)
IDLE, MEASURED = 30.0, 30.0  # seconds
LONGEST = 330.0  # seconds, after which no further size is begun


def main(table: Table, quick: bool) -> None:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dlstack-bench-")))
        plane = stack.enter_context(Plane.up(place))
        sizes = QUICK if quick else SIZES
        calm()
        real.measure(table, plane.meter, place, IDLE / 4 if quick else IDLE)
        plane.fill(max(sizes))
        began, found = time.monotonic(), list[Seen]()
        for size in sizes:
            found.append(plane.measure(size, MEASURED / 4 if quick else MEASURED))
            told(table, found[-1])
            if found[-1].broken or time.monotonic() - began > LONGEST:
                break
    conclude(table, found)


def told(table: Table, seen: Seen) -> None:
    """Add the lines of one size."""
    who, rates = f"{seen.size:,} machines", seen.rates
    table.add("click → claimed, 95 of 100", percentile(seen.claimed, 95), "s", against=who, goal="≤ 5")
    table.add("upkeep comes late, 95 of 100", max(seen.late, 0.0), "s", against=who, goal="≤ 10")
    table.add("one round of upkeep of one worker", seen.round_ms, "ms", against=who)
    if seen.rollout is not None:
        table.add(f"a rollout over {rolled(seen.size)} machines, each 0.6 s of work", seen.rollout, "s", against=who)
    table.add("the dashboard", seen.page_ms, "ms", against=who)
    table.add("one round of the clock", seen.clock_ms, "ms", against=who)
    table.add("operations that ended", float(seen.ended), against=who)
    for name, unit in (("rows written", "/s"), ("rows read", "/s"), ("transactions", "/s"), ("connections", "/s")):
        table.add(f"database: {name}", rates[name], unit, against=who)
    table.add("database: connections at once", float(seen.connections), against=who)
    for part in ("database", "broker", "machines"):
        table.add(f"processor of the {part}, of one core", rates[part], "%", against=who)


def conclude(table: Table, found: list[Seen]) -> None:
    """Add what one machine costs, and where it broke."""
    whole = [seen for seen in found if not seen.broken]
    largest = whole[-1] if whole else found[-1]
    each, who = (
        {name: 60 * value / largest.size for name, value in largest.rates.items()},
        f"of {largest.size:,} machines",
    )
    for name in ("rows written", "rows read", "transactions", "connections"):
        table.add(f"one machine a minute: {name}", each[name], against=who)
    table.add("one machine a minute: write-ahead log", each["bytes of log"] / 1000, "kB", against=who)
    table.add("one machine: processor of the database", each["database"] / 60, "%", against=who, note="of one core")
    table.add("machines that one control plane carried", float(largest.size if whole else 0))
    if found[-1].broken:
        table.add("machines with which it broke", float(found[-1].size), note=found[-1].broken)


if __name__ == "__main__":
    run(main, bench.fleet.__doc__ or "")
