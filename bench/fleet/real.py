"""One machine with the real workers, that has nothing to do: what that costs both servers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Table
from bench.fleet.meters import Meter, rates

REPOSITORY = Path(__file__).resolve().parents[2]
LANES = ("build", "live")
SETTLES, READY_WITHIN = 5.0, 60.0  # seconds
COUNTED = ("commands", "rows written", "transactions", "connections")


def measure(table: Table, meter: Meter, place: Path, seconds: float) -> None:
    """Let both workers of a machine run, and add what was counted, for a minute."""
    from stacks.models import Machine

    root = place / "roots/real"
    (root / ".dlstack").mkdir(parents=True)
    machine = Machine.objects.create(name="real", root=str(root))
    with _workers(place / "real", root):
        time.sleep(SETTLES)
        before = meter.read()
        time.sleep(seconds)
        found = {name: 60 * value for name, value in rates(before, meter.read()).items()}
    machine.delete()
    for name in COUNTED:
        table.add(f"one idle machine a minute: {name}", found[name], against="with real workers")
    table.add(
        "one idle machine a minute: bytes of broker", found["bytes of broker"] / 1000, "kB", against="with real workers"
    )


@contextmanager
def _workers(home: Path, root: Path) -> Iterator[None]:
    variables = {**os.environ, "DLSTACK_HOME": str(home), "DLSTACK_MACHINE": "real", "DLSTACK_ROOT": str(root)}
    started = []
    try:
        for lane in LANES:
            argv = [sys.executable, str(REPOSITORY / "manage.py"), "serve", lane]
            started.append(subprocess.Popen(argv, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        give_up_at = time.monotonic() + READY_WITHIN
        while not all((home / "run" / f"ready-{lane}").exists() for lane in LANES):
            if time.monotonic() > give_up_at:
                raise SystemExit("The real workers did not start.")
            time.sleep(0.2)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)
