"""What the engine's command prints: the status of a root, and the events of an operation."""

from __future__ import annotations

import argparse
import json
import sys

from stacks.engine import status as state
from stacks.engine.events import Event, Progress, Sink
from stacks.engine.layout import Layout
from stacks.plans import Plan


def status(layout: Layout, asked: argparse.Namespace) -> int:
    """Print what is true on disk."""
    found = state.read(layout, measured=True)
    if asked.json:
        print(json.dumps(found, indent=1))
        return 0
    print(f"{found['root']}: active {found['active'] or 'nothing'}, backed by {found['backing'] or 'nothing'}")
    for version in found["versions"]:
        marks = [mark for mark in ("active", "backing") if found[mark] == version["name"]]
        marks += ["in RAM"] if version["name"] in found["resident"] else []
        print(f"  {version['name']:24} {'sealed' if version['sealed'] else 'NOT SEALED'} {', '.join(marks)}")
    for problem in found["problems"]:
        print(f"  ! {problem['message']} {problem['action']}")
    return 0


def sink(asked: argparse.Namespace) -> Sink:
    """Make the sink that prints events: on standard error where standard output holds a document."""

    def show(event: Event) -> None:
        stream = sys.stderr if asked.json else sys.stdout
        print(f"{'== ' if event.kind == 'step' else '   '}{event.text}", file=stream, flush=True)

    return show


def plan(made: Plan, asked: argparse.Namespace) -> None:
    """Print what would be done."""
    steps = [{"name": step.name, "title": step.title, "explains": step.explains} for step in made.steps]
    if asked.json:
        print(json.dumps({"summary": made.summary, "steps": steps}, indent=1))
        return
    print(made.summary)
    for step in steps:
        print(f"  {step['title']}: {step['explains']}")


def nothing_to_do(asked: argparse.Namespace, sentence: str) -> None:
    """Print that all is as asked for already."""
    print(json.dumps({"changed": False, "message": sentence}) if asked.json else sentence)


def ignore(progress: Progress) -> None:
    """Leave progress out: the log says enough."""


class Silent:
    """An observer for whom the log is enough."""

    def step_started(self, name: str) -> None:
        pass

    def step_finished(self, name: str, state: str) -> None:
        pass
