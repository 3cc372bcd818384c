"""How many queries and how much server time each page takes with 200 machines, 5,000 versions and 100,000 operations.

    python -m bench.pages [ROUNDS]

Prints one line per page: queries (goal 15), the median of the rounds in ms (60), kilobytes, and compressed (300).
The time is the processor's, SQLite's part included, so that what else runs here does not count.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from typing import Any

PAGES = (
    *("/", "/?page=2", "/machines/m007/", "/machines/m007/?sort=-size&find=v1", "/machines/m007/build/"),
    *("/machines/m007/settings/", "/machines/m007/versions/v7/", "/machines/m007/versions/v7/?against=v3&q=pack"),
    *("/machines/m007/revert/", "/machines/m007/deploy/v7/", "/machines/m007/kernels/", "/kernels/"),
    *("/operations/", "/operations/?machine=m007&state=failed", "/operations/?page=3000", "/operations/?who=user3"),
    *("/operations/5000/", "/operations/5000/state.json", "/recipes/", "/recipes/recipe-1/", "/recipes/recipe-1/edit/"),
    *("/releases/m007/", "/releases/m007/v7/", "/releases/m007/atom.xml", "/glossary/"),
)
QUERIES, MILLISECONDS, KILOBYTES = 15, 60, 300


def main(rounds: int = 10) -> None:
    home = tempfile.mkdtemp(prefix="dlstack-bench-")
    os.environ |= {"DLSTACK_HOME": home, "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
    try:
        client = prepare()
        print(f"{'page':48} queries      ms     kB  compressed")
        missed = [measure(client, page, rounds) for page in PAGES].count(False)
    finally:
        shutil.rmtree(home)
    print(f"{missed} of {len(PAGES)} miss a goal.")
    sys.exit(bool(missed))


def prepare() -> Any:
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from tests.many import Many

    call_command("migrate", verbosity=0)
    many = Many(machines=200, versions=5_000, operations=100_000)
    client = Client(headers={"Host": "localhost"})
    client.force_login(many.admin)
    return client


def measure(client: Any, page: str, rounds: int) -> bool:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        answer = client.get(page)
    queries = len(asked)  # now: the next request clears them
    assert answer.status_code == 200, (page, answer.status_code)
    taken = statistics.median(timed(client, page) for _ in range(rounds)) * 1000
    size, small = len(answer.content) / 1000, len(zlib.compress(answer.content, 6)) / 1000
    good = queries <= QUERIES and taken <= MILLISECONDS and small <= KILOBYTES
    print(f"{page:48} {queries:7} {taken:7.1f} {size:6.0f} {small:11.1f}{'' if good else '  missed'}", flush=True)
    return good


def timed(client: Any, page: str) -> float:
    begun = time.process_time()
    client.get(page)
    return time.process_time() - begun


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
