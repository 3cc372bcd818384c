"""The fleet that all tests here share, with versions one and two on every disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.fleet.fleet import Fleet, four


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    """Build one and two on the first machine and copy them to the others; what is active is each test's own."""
    with four() as running:
        for version in ("one", "two"):
            running.dlstack("build", version, "--name", version, "--machine", "gp01")
            running.dlstack("copy", version, "--to", *running.names[1:])
        yield running
