"""Run tests on PostgreSQL and Redis, as production does: python -m tests.production [ARGUMENTS OF PYTEST].

Where no tests are named, all that have the database or the broker of the tests run (`tests.conftest` leaves the others
out). What has neither is the same on either, and so are homes: those are embedded, with a database of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests import postgres

DATABASE, REDIS = "DLSTACK_TEST_DATABASE_URL", "DLSTACK_TEST_REDIS"
# The deliveries have databases of their own, of both kinds, in `make test`.
PLACES = ("tests", "--ignore", "tests/faults/delivery")


def main(arguments: list[str]) -> int:
    """Start a server, run the tests on it, end it; gives pytest's exit status."""
    redis = shutil.which("redis-server")
    if redis is None:
        sys.stderr.write("There is no redis-server: apt-get install redis-server\n")
        return 2
    with postgres.running() as url:
        # The server goes with its databases: nobody waits for the last connection of a thread.
        argv = [sys.executable, "-m", "pytest", "--reuse-db", *arguments, *([] if _names_tests(arguments) else PLACES)]
        return subprocess.run(argv, env={**os.environ, DATABASE: url, REDIS: redis}).returncode


def _names_tests(arguments: list[str]) -> bool:
    return any(word.startswith("tests/") for word in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
