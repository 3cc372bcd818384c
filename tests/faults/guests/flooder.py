"""Run an operation whose one step floods its log, as a worker does: … -m tests.faults.guests.flooder ID LINE TOTAL.

LINE bytes come without a newline, TOTAL in all; prints by how many bytes this process grew.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import django

django.setup()

from stacks import running  # noqa: E402
from stacks.engine import process  # noqa: E402
from stacks.engine.process import Command  # noqa: E402
from stacks.plans.base import Context, Plan, Step  # noqa: E402

NUMBERED = "line %09d " + "x" * 84 + "\n"
FLOOD = f"""
import os, sys
line, total = map(int, sys.argv[1:])
def write(data):
    while data:
        data = data[os.write(1, data):]
for start in range(0, line, 1 << 20):
    write(b"y" * min(1 << 20, line - start))
write(b"\\n")
for first in range(0, (total - line) // {len(NUMBERED % 0)}, 5000):
    write("".join({NUMBERED!r} % number for number in range(first, first + 5000)).encode())
"""


def numbered_lines(line: int, total: int) -> int:
    """How many numbered lines follow the long one."""
    return -(-((total - line) // len(NUMBERED % 0)) // 5000) * 5000


def plan_for(line: int, total: int, kind: str, context: Context) -> Plan:
    return Plan(kind, "Floods the log.", (Step("flood", "Flood", "Prints.", partial(_flood, line, total)),))


def _flood(line: int, total: int, context: Context) -> None:
    argv = ["/usr/bin/python3", "-c", FLOOD, str(line), str(total)]
    process.run(Command(argv, "flood", mask=context.mask), context.sink, context.stop)


def memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    number, line, total = map(int, sys.argv[1:])
    Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here
    before = memory("VmRSS")
    running.run(number, plan_for=partial(plan_for, line, total))
    print(memory("VmHWM") - before)
