"""The machine's own record: an operation's intent is on disk before its first change, its end after the last.

One pending intent per lane, and one line of history for each that ended; both are written so that a crash leaves them
whole (invariant 7). The worker's database learns of it; it never depends on the database.
"""

from __future__ import annotations

import errno
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

from stacks.engine import documents, durable, reserve
from stacks.engine.layout import Layout

_LATEST = 253_402_300_800  # seconds since the epoch: the year 10000, which no date can hold


def begin(
    layout: Layout,
    lane: str,
    *,
    operation: str,
    kind: str,
    version: str,
    previous: str | None = None,
    **about: Any,
) -> None:
    """Record what is about to be changed; durable when this returns.

    `about` holds further words of JSON types, those that are empty left out: `paused` names the services that are
    stopped meanwhile, `detour` says how the live path, which a build leads elsewhere, is led back, `uuid` is that of a
    version that the operation makes itself, so that no other is ever taken away in its stead. An intent that says
    `done` is as good as ended: services are to be started again, no more.
    """
    intent: dict[str, Any] = {
        "operation": operation,
        "kind": kind,
        "version": version,
        "previous": previous,
        "at": time.time(),
        "boot": _boot(),
    }
    intent |= {word: value for word, value in about.items() if value}
    _write(layout, lane, intent)


def _write(layout: Layout, lane: str, intent: dict[str, Any]) -> None:
    reserve.insist(layout.state, partial(durable.write_json, _pending(layout, lane), intent))


def pending(layout: Layout, lane: str) -> dict[str, Any] | None:
    """Give the intent of an operation that has not ended, None when there is none."""
    try:
        found = documents.parse(_pending(layout, lane).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_of_this_boot(intent: dict[str, Any]) -> bool:
    """Tell whether an intent was written since the machine started: after a boot its manager starts the services."""
    return bool(intent.get("boot", _boot()) == _boot())


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def amend(layout: Layout, lane: str, **changes: Any) -> None:
    """Change what the pending intent says, durably; None takes a word away. Nothing happens when there is none."""
    if intent := pending(layout, lane):
        intent |= changes
        _write(layout, lane, {name: intent[name] for name in intent if intent[name] is not None})


def end(layout: Layout, lane: str, outcome: str, *, healthy: bool = True) -> None:
    """Move the pending intent to the history with its outcome; nothing happens when there is none.

    `healthy` tells whether the required kernels of what is active now answered. A reserve that was spent meanwhile is
    made anew, if there is room.
    """
    if intent := pending(layout, lane):
        append(layout, {"healthy": healthy} | intent | {"outcome": outcome, "ended": time.time()})
    _pending(layout, lane).unlink(missing_ok=True)
    durable.sync_directory(_pending(layout, lane).parent)
    reserve.renew(layout.state)


def sweep(layout: Layout, lane: str) -> None:
    """Remove what a killed `begin` left; the caller holds the lane's lock."""
    durable.sweep(_pending(layout, lane))


def history(layout: Layout, *, since: int = 0) -> list[dict[str, Any]]:
    """Give what ended, oldest first, after the first `since` bytes; a torn last line of a crash is passed over."""
    try:
        lines = _history(layout).read_bytes()[since:].splitlines()
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := _parse(line))]


def size(layout: Layout) -> int:
    """Give how many bytes the history has now."""
    try:
        return _history(layout).stat().st_size
    except FileNotFoundError:
        return 0


def activations(layout: Layout) -> list[str]:
    """Name the versions that were active and healthy and not reverted away from since, oldest first.

    A deploy puts its version on top; a revert takes away what it left behind, so that the next revert leads further
    back and never forth to what was left. `stacks.activations` keeps the same rule for the record.
    """
    stack: dict[str, bool] = {}
    for entry in filter(made_active, history(layout)):
        version = str(entry["version"])
        names = [name for name, healthy in stack.items() if healthy]
        if entry["kind"] == "revert" and version in names:
            del names[names.index(version) :]
        stack = {name: True for name in names if name != version} | {version: bool(entry.get("healthy", True))}
    return [name for name, healthy in stack.items() if healthy]


def made_active(entry: dict[str, Any]) -> bool:
    """Tell whether an entry of the history says that a version became active; the command's own notes do not."""
    succeeded = entry.get("outcome") == "succeeded" and "command" not in entry
    return succeeded and entry.get("kind") in MAKES_ACTIVE and bool(entry.get("version"))


def last_active(layout: Layout, *, besides: str | None) -> str | None:
    """Name the version that a revert leads to: the last of `activations` other than `besides`, None for none."""
    return next((name for name in reversed(activations(layout)) if name != besides), None)


MAKES_ACTIVE = ("deploy", "revert", "restore", "backup", "kernel-install", "kernel-remove")


def _parse(line: bytes) -> dict[str, Any] | None:
    """Read one entry, None for what this DLStack did not write: the file lies on a disk that may be damaged."""
    try:
        found = documents.parse(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and _is_entry(found) else None


def _is_entry(found: dict[str, Any]) -> bool:
    words = all(isinstance(found.get(word), str) for word in ("operation", "kind", "outcome"))
    times = (found.get(word, 0.0) for word in ("at", "ended"))
    return (
        words
        and isinstance(found.get("version", ""), str)
        and all(isinstance(at, (int, float)) and 0 <= at < _LATEST for at in times)
    )


def append(layout: Layout, entry: dict[str, Any]) -> None:
    """Add one entry to the history, whole and durable."""
    reserve.insist(layout.state, partial(_append, _history(layout), entry))


def _append(path: Path, entry: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = b"\n" * torn + json.dumps(entry, sort_keys=True).encode() + b"\n"
        try:
            whole = os.write(descriptor, data) == len(data)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        if not whole:  # the disk was full in mid-line
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def _history(layout: Layout) -> Path:
    return layout.state / "history.jsonl"


def _pending(layout: Layout, lane: str) -> Path:
    return layout.state / f"pending-{lane}.json"
