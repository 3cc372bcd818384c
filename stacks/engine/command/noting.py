"""What the command writes into the machine's journal about itself, so that the history has no gap later (design §9)."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stacks.engine import journal
from stacks.engine.errors import Refused
from stacks.plans import Context


@contextmanager
def noted(context: Context, kind: str) -> Iterator[None]:
    """Write one entry about what is done inside: by whom, why and how it ended; what was refused changed nothing."""
    began = time.time()
    try:
        yield
    except Refused:
        raise
    except BaseException as error:
        _append(context, kind, began, "failed", str(error) or type(error).__name__)
        raise
    _append(context, kind, began, "succeeded", "")


def _append(context: Context, kind: str, began: float, outcome: str, message: str) -> None:
    version = context.outcome.get("version") or context.parameters.get("version")
    entry = {"operation": context.operation, "kind": kind, "at": began, "ended": time.time(), "outcome": outcome}
    about = {"command": True, "by": _who(), "reason": context.parameters.get("reason", ""), "message": message}
    journal.append(context.layout, entry | about | ({"version": version} if version else {}))


def _who() -> str:
    if name := os.environ.get("SUDO_USER"):
        return f"{name} (sudo)"
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an account
        return f"user {os.getuid()}"
