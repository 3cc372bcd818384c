"""Run tests on PostgreSQL and Redis, as production does: python -m tests.production [ARGUMENTS OF PYTEST]."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests import postgres

DATABASE, REDIS = "DLSTACK_TEST_DATABASE_URL", "DLSTACK_TEST_REDIS"
# What has no database or broker of the test's own is the same on either: the engine, and homes that are embedded.
PLACES = ("tests/access", "tests/kernels", "tests/stacks", "tests/faults/fuzz")


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
