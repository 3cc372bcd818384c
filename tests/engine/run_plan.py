"""Carry out one plan as a worker does, in a process that can be killed: python -m tests.engine.run_plan ORDERS.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.engine.conftest import Runner

if __name__ == "__main__":
    orders = json.loads(Path(sys.argv[1]).read_text())
    Runner(Layout(Path(orders["root"])), resolve()).run(orders["kind"], **orders["parameters"])
