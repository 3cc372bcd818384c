"""Believable values for the styleguide: every component in each of its states, nothing of it in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from stacks import source, textdiff
from stacks.differences import Listed, between
from stacks.estimates import Estimate
from stacks.loghtml import render_lines
from stacks.logs import LogLine
from stacks.models import Machine, Operation
from stacks.plans.base import Context, Plan, Step

GOOD = (
    'name = "sky"\n\n[[environments]]\npath = "anaconda3"\ninstaller = "venv"\npackages = ["numpy"]  # more to come\n'
)
BAD = GOOD.replace('"venv"', '"magic"')
OLD = {"anaconda3": {"astropy": "7.1.0", "dustmaps": "1.0.13", "numpy": "2.3.3"}}
NEW = {"anaconda3": {"astropy": "7.2.0", "lsdb": "0.6.4", "numpy": "2.3.3"}}
GB = 10**9
LINES = (
    ("step", "Install anaconda3"),
    ("command", "uv pip install -r lock.txt"),
    ("output", "\x1b[32m+\x1b[39m \x1b[1mnumpy\x1b[0m\x1b[2m==2.3.3\x1b[0m"),
    ("note", "The package caches were kept: 1.9 GB."),
    ("warning", "warning: healpy has no wheel for this platform"),
    ("error", "error: no version of “astropyy” was found"),
    ("output", "".join(f"\x1b[{code}mink {code}\x1b[0m " for code in (*range(30, 38), *range(90, 98)))),
    ("output", "".join(f"\x1b[{code}mpaper {code}\x1b[0m " for code in range(40, 48))),
)


def components() -> dict[str, Any]:
    """Give what the templates of the components take."""
    return {
        "states": [*Operation.State.values, "undone", "waiting"],
        "meters": [(told, used * GB, 64 * GB) for told, used in (("fine", 12), ("high", 57), ("full", 63))],
        "operations": [_operation(number, state) for number, state in enumerate(Operation.State.values, 1)],
        "running": _operation(7, "running"),
        "differences": between(Listed(OLD), Listed(NEW)),
        "lines": textdiff.unified(GOOD, BAD + "\n[options.more]\n"),
        "good": source.check(GOOD), "bad": source.check(BAD),
        "estimate": Estimate(4, 95.0, int(1.1 * GB), GB // 9, here=True),
        "plan": Plan("build", "Builds “2026-11-25” from sky. What users run is not touched.", tuple(_steps())),
        "problems": [{"message": "The ramdisk is nearly full.", "action": "Remove a resident version."}],
    }  # fmt: skip


def log(first: int) -> str:
    """Give some lines of a log as HTML, numbered from `first`."""
    return render_lines(LogLine(number, 0, kind, "install", text) for number, (kind, text) in enumerate(LINES, first))


def _steps() -> list[Step]:
    return [Step(name, name, "Tells what this step will do.", _nothing) for name in ("Resolve", "Install", "Seal")]


def _nothing(context: Context) -> None:
    """Do nothing: the styleguide's plan is never run."""


def _operation(number: int, state: str) -> Operation:
    now = timezone.now()
    final = state in Operation.FINAL
    begun = None if state == "queued" else now - timedelta(seconds=95)
    return Operation(
        pk=number, machine=Machine(name="gp02", root="/data0"), kind="build", lane="build", state=state,
        parameters={"version": "2026-11-25"}, created_at=now - timedelta(minutes=3), started_at=begun,
        finished_at=now if final else None, steps=_told(now.timestamp()),
        message="No version of “astropyy” was found: correct the recipe and retry." if state == "failed" else "",
    )  # fmt: skip


def _told(now: float) -> list[dict[str, Any]]:
    states = ("succeeded", "running", "failed", "undone", "interrupted", "cancelled", "waiting")
    progress = {"done": 212, "total": 318, "unit": "packages"}
    return [
        {"name": state, "title": f"A step that is {state}", "state": state, "started": now - 60,
         "finished": None if state in ("running", "waiting") else now, "progress": progress}
        for state in states
    ]  # fmt: skip
