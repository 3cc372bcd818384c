"""What a live page is told: the state of an operation, and the lines of its log from the stream or from the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from redis.asyncio import Redis

from stacks import logs
from stacks.logs import LogLine
from stacks.models import Operation


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An operation as its row says now; `mark` differs when anything shown differs."""

    document: dict[str, Any]
    steps_html: str
    mark: str
    final: bool


def snapshot(operation_id: int) -> Snapshot:
    """Read an operation's row for its page."""
    operation = Operation.objects.select_related("machine").get(pk=operation_id)
    document, steps = state_document(operation), render_to_string("stacks/_steps.html", {"operation": operation})
    told = {**document, "now": 0, "lines": 0}
    mark = hashlib.sha256((json.dumps(told, sort_keys=True) + steps).encode()).hexdigest()
    return Snapshot(document, steps, mark, operation.is_final)


def state_document(operation: Operation) -> dict[str, Any]:
    """Give the small document that tabs and scripts poll; times are in seconds since the epoch."""
    return {
        "id": operation.pk,
        "kind": operation.kind,
        "state": operation.state,
        "title": page_title(operation),
        "message": operation.message,
        "cancelling": operation.cancel_requested_at is not None,
        "final": operation.is_final,
        "step": next((step["title"] for step in operation.steps if step.get("state") == "running"), ""),
        "lines": operation.log_lines,
        "started": operation.started_at and operation.started_at.timestamp(),
        "finished": operation.finished_at and operation.finished_at.timestamp(),
        "now": timezone.now().timestamp(),
    }


VERBS = {
    Operation.Kind.REVERT: "Revert to",
    Operation.Kind.BACKUP: "Back up",
    Operation.Kind.DISCARD: "Discard drift",
    Operation.Kind.KERNEL_INSTALL: "Install kernel",
    Operation.Kind.KERNEL_REMOVE: "Remove kernel",
    Operation.Kind.KERNEL_CHECK: "Check kernels",
}


def operation_title(operation: Operation) -> str:
    """Name an operation for people: what it does and with which version, kernel or recipe."""
    return f"{operation_verb(operation)} {operation_object(operation)}".strip()


def operation_verb(operation: Operation) -> str:
    """Say what an operation does."""
    kind = Operation.Kind(operation.kind)
    return VERBS.get(kind, kind.value.title())


def operation_object(operation: Operation) -> str:
    """Name what an operation works on, "" where that is the whole machine."""
    asked = operation.parameters
    return str(
        asked.get("kernel") or asked.get("version") or (asked.get("recipe") if operation.kind == "solve" else "")
    )


def seconds_taken(operation: Operation) -> float | None:
    """Give how long an operation ran, in seconds; None where it has not ended, or never began."""
    if operation.started_at is None or operation.finished_at is None:
        return None
    return (operation.finished_at - operation.started_at).total_seconds()


def page_title(operation: Operation) -> str:
    """Give the title of an operation's tab: its state first."""
    return f"{operation.state.capitalize()} · {operation_title(operation)} · {operation.machine} · DLStack"


def again_address(operation: Operation) -> str:
    """Give the address of the form that asks for the same again, filled in; "" where there is none.

    The name of a build is filled in where nothing was made of it.
    """
    machine, asked = operation.machine.name, operation.parameters
    if operation.kind == Operation.Kind.BUILD and asked.get("recipe"):
        fields = {key: asked[key] for key in ("recipe", "options", "kernel_dir", "strategy") if asked.get(key)}
        fields |= {"deploy": "on"} if asked.get("deploy") else {}
        fields |= {"reason": operation.reason} if operation.reason else {}
        fields |= {"name": asked["version"]} if operation.state in Operation.RETRYABLE else {}
        return f"{reverse('stacks:build', args=[machine])}?{urlencode(fields, doseq=True)}"
    version = str(asked.get("version", ""))
    if (
        operation.kind == Operation.Kind.DEPLOY
        and operation.machine.versions.filter(name=version, removed_at=None).exists()
    ):
        return reverse("stacks:deploy", args=[machine, version])
    return ""


def last_line(operation_id: int) -> int:
    """Give the number of the newest line that can be read; 0 when there is none."""
    return logs.last_line(Operation.objects.get(pk=operation_id))


def read_after(operation_id: int, position: int, count: int) -> list[LogLine]:
    """Read up to `count` lines that follow the line `position`."""
    return logs.read_lines(Operation.objects.get(pk=operation_id), position + 1, position + count)


def connect() -> Redis:
    """Open the connection that one room reads through."""
    return Redis.from_url(settings.DLSTACK.redis_url, decode_responses=True, socket_connect_timeout=2)


def newest(entries: Any) -> str:
    """Give the id of the newest entry of an XREVRANGE, or the one before all."""
    return str(entries[0][0]) if entries else "0-0"


def entries(reply: Any) -> list[tuple[str, dict[str, str]]]:
    """Flatten the reply to an XREAD of one stream; its form is a list or a dict, by the version of the protocol."""
    if not reply:
        return []
    found = next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1]
    return list(found)


def lines_of(entry: dict[str, str]) -> list[LogLine]:
    """Read one batch of lines from an entry of the stream."""
    first = int(entry["n"])
    rows = enumerate(json.loads(entry["d"]), first)
    return [LogLine(n, at, kind, step, text) for n, (at, kind, step, text) in rows]
