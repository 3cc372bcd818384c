"""Carry out one copy as a worker does, in a process that can be killed: python -m tests.copying.run_copy FILE.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.copying.receiving import Receiver
from tests.copying.sshd import Server

if __name__ == "__main__":
    orders = json.loads(Path(sys.argv[1]).read_text())
    server = Server(Path(orders["ssh"]), Path(orders["source"]), port=0)
    roots = Layout(Path(orders["root"])), Layout(Path(orders["source"]))
    Receiver(roots[0], resolve(), source=roots[1], server=server).run("copy", **orders["parameters"])
