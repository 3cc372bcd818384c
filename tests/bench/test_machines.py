"""Pages of a control plane with few machines, as the curve of the benches begins."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.machines import PAGES, ROUNDS
from tests.conftest import REPOSITORY


@pytest.mark.slow
def test_one_machine_is_enough() -> None:
    argv = [sys.executable, "-m", "bench.machines", "1"]
    told = json.loads(subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout)
    assert {page: len(taken) for page, taken in told.items()} == dict.fromkeys(PAGES, ROUNDS)
