"""Plans of a few tiny real steps, so that operations can be tested without building anything."""

from __future__ import annotations

import subprocess
import time
import uuid
from functools import partial
from pathlib import Path

from stacks.engine import process
from stacks.engine.errors import Failed, Refused
from stacks.plans.base import Context, Plan, Step


def plan_for(kind: str, context: Context) -> Plan:
    """Make a plan whose steps are the words of the parameter `work`."""
    words = context.parameters.get("work", ["succeed"])
    if "refuse" in words:
        raise Refused("There is no room for it: free some.")
    steps = [Step(word, f"Do {word}", "Does it.", partial(_do, word), partial(_undo, word)) for word in words]
    return Plan(kind, "Does tiny things.", (*steps, Step("end", "End", "Tells the outcome.", _outcome)))


def _do(word: str, context: Context) -> None:
    name, _, argument = word.partition(":")
    _note_run(context, word)
    if name == "wait":
        for second in range(10 * int(argument)):
            context.stop.check()
            context.advance(second, 10 * int(argument), "tenths")
            time.sleep(0.1)
    elif name == "sleep":
        process.run(process.Command(["sleep", argument], pass_fds=context.lock_fds), context.sink, context.stop)
    elif name == "print":
        for number in range(int(argument)):
            context.tell("output", f"line {number}")
    elif name == "fail":
        raise Failed("The package nosuch does not exist.")
    elif name == "bug":
        raise ValueError("a bug\nwith lines")
    elif name == "exit":
        raise SystemExit(3)
    elif name == "orphan":
        subprocess.Popen(["sleep", argument], pass_fds=context.lock_fds)


def _note_run(context: Context, word: str) -> None:
    if ran := context.parameters.get("ran"):
        with Path(ran).open("a") as file:
            file.write(f"{word}\n")


def _undo(word: str, context: Context) -> None:
    context.note(f"{word} was undone")


def _outcome(context: Context) -> None:
    context.outcome |= {
        "version": context.parameters["version"],
        "uuid": str(uuid.uuid4()),
        "generation": context.parameters.get("generation", 1),
        "files": 3,
        "bytes": 30,
        "unique_bytes": 10,
        "manifest_digest": "d" * 64,
        "packages": {"anaconda3": {"numpy": "2.0"}},
        "kernelspecs": [],
        "lockfile": {"anaconda3": "numpy==2.0"},
        "sealed_at": time.time(),
        "unique": {},
        "healthy": True,
    }
