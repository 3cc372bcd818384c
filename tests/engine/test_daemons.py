"""The services of tests are there as long as a suite needs them, and no longer."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from stacks.engine import services
from stacks.engine.layout import Layout
from tests.engine import daemons
from tests.waiting import until


def test_a_service_ends_with_its_manager_and_never_by_itself(layout: Layout, tmp_path: Path) -> None:
    with daemons.configured(layout, tmp_path) as file:
        services.configured(layout)[0].start(lambda _: None)
        process = Path("/proc", file.read_text().strip())
        assert until(lambda: (process / "cmdline").read_bytes() == b"sleep\0infinity\0")
        os.kill(int(_status(process, "PPid")), signal.SIGKILL)
        until(lambda: _status(process, "State").startswith(("Z", "gone")))


def _status(process: Path, field: str) -> str:
    try:
        found = re.search(rf"{field}:\t(.*)", (process / "status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    return found[1] if found else ""
