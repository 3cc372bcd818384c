"""Carry out one build as a worker does, in a process that can be killed: python -m tests.faults.guests.worker ORDERS.

ORDERS is a JSON file {"root", "uid", "gid", "parameters"}; each line of the log goes to standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.engine.conftest import Runner


class Telling(Runner):
    """A runner whose events are printed as they come."""

    def step_started(self, name: str) -> None:
        super().step_started(name)
        self.events = _Printed()


class _Printed(list[Event]):
    def append(self, event: Event) -> None:
        print(event.text, flush=True)


if __name__ == "__main__":
    orders = json.loads(Path(sys.argv[1]).read_text())
    worker = Telling(Layout(Path(orders["root"])), Owner(orders["uid"], orders["gid"]), events=_Printed())
    worker.run("build", **orders["parameters"])
