"""The log of a running operation, written at a pace as a worker would: what the browser tests and the bench look at.

    python -m tests.logged RATE SECONDS

Prints the number of the operation, waits for a line on its input, then writes RATE lines a second, each with its
number and the time, for SECONDS; or at once what comes as JSON [[kind, text], …] on that line. Ends the operation.
"""

from __future__ import annotations

import json
import os
import sys
import time

STRIDE = 0.02  # seconds between bursts


def main(rate: int, seconds: float) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
    django.setup()
    from stacks import operations
    from stacks.engine.events import Event
    from stacks.logs import LogWriter

    pk = begun()
    print(pk, flush=True)
    writer, given = LogWriter(pk), json.loads(sys.stdin.readline().strip() or "[]")
    for kind, text in given:
        writer.sink(Event(kind, text, "step"))
    began, written = time.monotonic(), 0
    while not given and (passed := time.monotonic() - began) < seconds:
        for _ in range(int(passed * rate) - written):
            written += 1
            writer.sink(Event("output", f"line {written} at={time.time() * 1000:.0f}= of a believable length", "step"))
        time.sleep(STRIDE)
    operations.finish(operation_id=pk, state="succeeded", message="Written.", log_lines=writer.store())
    writer.close("succeeded")
    print(json.dumps({"written": written or len(given), "seconds": time.monotonic() - began}), flush=True)


def begun() -> int:
    """Make a running operation that no reaper takes for silent."""
    from datetime import timedelta

    from django.utils import timezone

    from stacks.models import Machine, Operation

    now = timezone.now()
    machine = Machine.objects.create(name=f"log-{os.getpid()}", root="/nowhere")
    step = {"name": "step", "title": "Write", "state": "running", "started": now.timestamp(), "line": 1}
    made = Operation.objects.create(
        machine=machine, kind="build", lane="build", state="running", started_at=now, steps=[step],
        heartbeat_at=now + timedelta(days=1), parameters={"version": "logged"},
    )  # fmt: skip
    return made.pk


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
