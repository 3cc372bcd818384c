"""The units of the control plane, as systemd reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import REPOSITORY

CONTROL = REPOSITORY / "deploy/control"


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    program = tmp_path / "opt/dlstack/.venv/bin/dlstack"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = [tmp_path / unit.name for unit in sorted(CONTROL.glob("*.service"))]
    for unit in units:
        unit.write_text((CONTROL / unit.name).read_text().replace("/opt/dlstack", str(tmp_path / "opt/dlstack")))
    done = subprocess.run(["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if any(str(unit) in line or unit.name in line for unit in units)]
    assert (len(units), said, done.returncode) == (2, [], 0)


def test_they_start_what_compose_starts() -> None:
    started = {
        unit.stem: unit.read_text().partition("ExecStart=")[2].splitlines()[0] for unit in CONTROL.glob("*.service")
    }
    assert started == {
        "dlstack-web": "/opt/dlstack/.venv/bin/dlstack serve web",
        "dlstack-beat": "/opt/dlstack/.venv/bin/dlstack serve beat",
    }
