"""The machine's own record: an operation's intent is on disk before its first change, its end after the last.

One pending intent per lane, and one line of history for each that ended; both are written so that a crash leaves them
whole (invariant 7). The worker's database learns of it; it never depends on the database.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stacks.engine import durable
from stacks.engine.layout import Layout


def begin(
    layout: Layout,
    lane: str,
    *,
    operation: str,
    kind: str,
    version: str,
    previous: str | None = None,
    paused: Sequence[str] = (),
    uuid: str = "",
) -> None:
    """Record what is about to be changed, and which services are stopped for it; durable when this returns.

    `uuid` is that of a version that the operation makes itself, so that no other is ever taken away in its stead.
    """
    intent: dict[str, Any] = {
        "operation": operation,
        "kind": kind,
        "version": version,
        "previous": previous,
        "at": time.time(),
    }
    intent |= {"paused": list(paused)} if paused else {}
    intent |= {"uuid": uuid} if uuid else {}
    durable.write_json(_pending(layout, lane), intent)


def pending(layout: Layout, lane: str) -> dict[str, Any] | None:
    """Give the intent of an operation that has not ended, None when there is none."""
    try:
        found = json.loads(_pending(layout, lane).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def end(layout: Layout, lane: str, outcome: str) -> None:
    """Move the pending intent to the history with its outcome; nothing happens when there is none."""
    if intent := pending(layout, lane):
        _append(layout, intent | {"outcome": outcome, "ended": time.time()})
    _pending(layout, lane).unlink(missing_ok=True)
    durable.sync_directory(_pending(layout, lane).parent)


def history(layout: Layout) -> list[dict[str, Any]]:
    """Give what ended, oldest first; a torn last line, left by a crash, is passed over."""
    try:
        lines = (layout.state / "history.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := _parse(line))]


def activations(layout: Layout) -> list[str]:
    """Name the versions that were made active with success and not reverted away from since, oldest first.

    A deploy puts its version on top; a revert takes away what it left behind, so that the next revert leads further
    back and never forth to what was left.
    """
    stack: list[str] = []
    for entry in history(layout):
        if entry.get("outcome") == "succeeded" and entry.get("kind") in MAKES_ACTIVE:
            version = str(entry["version"])
            if entry["kind"] == "revert" and version in stack:
                del stack[stack.index(version) :]
            stack = [*(name for name in stack if name != version), version]
    return stack


def last_active(layout: Layout, *, besides: str | None) -> str | None:
    """Name the version that a revert leads to: the last of `activations` other than `besides`, None for none."""
    return next((name for name in reversed(activations(layout)) if name != besides), None)


MAKES_ACTIVE = ("deploy", "revert", "restore", "backup", "kernel-install", "kernel-remove")


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _append(layout: Layout, entry: dict[str, Any]) -> None:
    path = layout.state / "history.jsonl"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" * torn + json.dumps(entry, sort_keys=True).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pending(layout: Layout, lane: str) -> Path:
    return layout.state / f"pending-{lane}.json"
