"""How many queries and how much server time each page takes with 200 machines, 5,000 versions and 100,000 operations.

    python -m bench.pages [--quick] [--json FILE]

The pages are those of the URLconf, with their heaviest filters and far pages. Told are the worst of all, those that
are known to be heavy, and each that misses a goal. Beside the processor's time, SQLite's part included, stands the
wall's, in which what else runs here counts too. Rounds go through all pages in turn.
"""

from __future__ import annotations

import importlib
import logging
import os
import statistics
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.figures import Table, calm, run
from bench.shared_memory import scratch

SENT_ONLY = 405  # what is no page
QUERIES, MILLISECONDS, KILOBYTES = 15, 60, 300
PROCESSES = 100  # that run in the trees of this machine
HEAVY = {
    "activity, searched for a text that is nowhere": "/activity/?text=nowhere+to+be+found",
    "matrix of kernels, narrowed by a state": "/kernels/?state=failed",
    "matrix of kernels, that differ between machines": "/kernels/?only=differs",
    "processes of this machine": "/machines/local/processes/",
    "incident of this machine": "/machines/local/incident/",
}


@dataclass
class Seen:
    """One address, asked several times; milliseconds."""

    address: str
    queries: int = 0
    size: int = 0
    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        return statistics.median(self.processor)

    @property
    def wall_milliseconds(self) -> float:
        return statistics.median(self.wall)


def main(table: Table, quick: bool) -> None:
    with scratch() as home, ExitStack() as until_the_end:
        os.environ |= {"DLSTACK_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
        client, addresses = prepare(home, quick=quick)
        until_the_end.enter_context(users(home / "root" / "sw", PROCESSES))
        seen = [one for one in map(Seen, addresses) if count(client, one)]
        calm()
        for _ in range(3 if quick else 7):
            for one in seen:
                ask(client, one)
    report(table, seen)


def prepare(home: Path, *, quick: bool) -> tuple[Any, list[str]]:
    import django

    django.setup()
    logging.disable(logging.WARNING)  # each page that is only ever sent tells of its refusal
    from django.core.management import call_command
    from django.test import Client

    from tests import addresses
    from tests.many import Many

    call_command("migrate", verbosity=0)
    root = home / "root"
    root.mkdir()
    scale = 10 if quick else 1
    many = Many(root, machines=200 // scale, versions=5_000 // scale, operations=100_000 // scale)
    importlib.import_module("dlstackweb.asgi")  # as in the web server's process, whose heap this one has then
    client = Client(headers={"Host": "localhost"})
    client.force_login(many.admin)
    return client, [address for listed in addresses.pages(many).values() for address in listed]


@contextmanager
def users(tree: Path, number: int) -> Iterator[None]:
    """Run so many Pythons in a tree, each with as many files mapped as one has that computes."""
    waiting = ["python3", "-c", "import ctypes, json, ssl, sqlite3; import sys; print(flush=True); sys.stdin.read()"]
    started = [
        subprocess.Popen(waiting, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(number)
    ]
    try:
        for process in started:
            assert process.stdout
            process.stdout.readline()
        yield
    finally:
        for process in started:
            process.communicate()


def count(client: Any, seen: Seen) -> bool:
    """Count the queries of a page; False for what is no page."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        answer = client.get(seen.address)
    seen.queries, seen.size = len(asked), len(zlib.compress(answer.content, 6))
    return bool(answer.status_code != SENT_ONLY)


def ask(client: Any, seen: Seen) -> None:
    processor, wall = time.process_time(), time.perf_counter()
    client.get(seen.address)
    seen.processor.append((time.process_time() - processor) * 1000)
    seen.wall.append((time.perf_counter() - wall) * 1000)


def report(table: Table, seen: list[Seen]) -> None:
    most, largest = max(seen, key=lambda one: one.queries), max(seen, key=lambda one: one.size)
    slowest, longest = (max(seen, key=lambda one: one.milliseconds), max(seen, key=lambda one: one.wall_milliseconds))
    table.add(f"pages: most queries of {len(seen)} addresses", most.queries, goal=f"≤ {QUERIES}", note=most.address)
    told(table, "pages: the slowest, processor", slowest, slowest.processor)
    told(table, "pages: the slowest, wall", longest, longest.wall)
    by_address = {one.address: one for one in seen}
    for name, address in HEAVY.items():
        told(table, f"  {name}", by_address[address], by_address[address].processor)
    for one in seen:
        if one.milliseconds > MILLISECONDS and one.address not in HEAVY.values():
            told(table, f"  {one.address[:60]}", one, one.processor)
    table.add("pages: the largest, compressed", largest.size / 1000, "kB", goal=f"≤ {KILOBYTES}", note=largest.address)


def told(table: Table, what: str, one: Seen, values: list[float]) -> None:
    note = f"{one.address}: {one.queries} queries, {one.milliseconds:.0f} ms, wall {one.wall_milliseconds:.0f} ms"
    table.add(what, values, "ms", goal=f"≤ {MILLISECONDS}", note=note)


if __name__ == "__main__":
    run(main, __doc__ or "")
