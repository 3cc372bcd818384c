"""A plan of tiny real steps under the machine's real journal, that leaves a line wherever it has an effect."""

from __future__ import annotations

import os
import time
from functools import partial

from stacks.engine import journal, process
from stacks.engine.errors import Failed
from stacks.plans import LANES
from stacks.plans.base import Context, Plan, Step
from tests.faults.delivery.clock import clock


def plan_for(kind: str, context: Context) -> Plan:
    """Make a plan that begins in the journal, does the words of the parameter `work`, and ends in the journal."""
    words = context.parameters.get("work", [])
    return Plan(
        kind,
        "Leaves lines.",
        (
            Step("begin", "Begin", "Writes the intent.", partial(_begin, kind), partial(_undo, kind)),
            *(Step(f"{number}-{word}", word, "Does it.", partial(_do, word)) for number, word in enumerate(words)),
            Step("end", "End", "Ends in the journal.", partial(_end, kind)),
        ),
    )


def leave(context: Context, word: str) -> None:
    """Leave one line, whole, that no kill takes back."""
    descriptor = os.open(context.parameters["ran"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{word} {context.operation}\n".encode())
    finally:
        os.close(descriptor)


def _begin(kind: str, context: Context) -> None:
    journal.begin(context.layout, LANES[kind], operation=context.operation, kind=kind, version="a")
    leave(context, "begin")


def _end(kind: str, context: Context) -> None:
    leave(context, "end")
    context.outcome["version"] = "a"
    journal.end(context.layout, LANES[kind], "succeeded")


def _undo(kind: str, context: Context) -> None:
    leave(context, "undo")
    journal.end(context.layout, LANES[kind], "undone")


def _do(word: str, context: Context) -> None:
    name, _, argument = word.partition(":")
    leave(context, name)
    if name == "wait":
        until = time.monotonic() + float(argument)
        while time.monotonic() < until:
            context.stop.check()
            context.advance(int(100 * time.monotonic()), 100, "ticks")
            time.sleep(0.05)
    elif name == "deafly":  # for as long as it does not look up, it cannot be asked to end
        time.sleep(float(argument))
    elif name == "print":
        for number in range(int(argument)):
            context.tell("output", f"line {number}")
    elif name == "sleep":
        process.run(process.Command(["sleep", argument], pass_fds=context.lock_fds), context.sink, context.stop)
    elif name == "clock":
        clock.set(float(argument))
    elif name == "fail":
        raise Failed("As was asked.")
