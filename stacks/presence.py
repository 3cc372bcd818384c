"""What is heard of workers, and what machines' pages say when nothing is: silence, clocks, versions (F10, F28, F29)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from django.utils import timezone

from stacks import compatibility
from stacks.models import Machine, Operation, Worker
from stacks.problems import Problems

SILENT_AFTER = timedelta(minutes=3)  # three times what workers leave between two signs
SKEW = 5.0  # seconds


def note(machine: Machine, lane: str) -> None:
    """Record that the worker of a lane lives, how its clock goes, and which database it knows."""
    told = {"heard_at": Now(), "clock_ahead": clock_ahead(), "schema": compatibility.schema()}
    Worker.objects.update_or_create(machine=machine, lane=lane, defaults=told)


def clock_ahead() -> float:
    """Measure how many seconds this process's clock is ahead of the database's; 0 for SQLite, which has none."""
    if connection.vendor != "postgresql":
        return 0.0
    # Of several questions the one that was answered quickest tells best.
    return round(min(_asked() for _ in range(3))[1], 3)


def _asked() -> tuple[float, float]:
    with connection.cursor() as cursor:
        began, asked_at = time.monotonic(), time.time()
        cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
        theirs = float(cursor.fetchone()[0])
        took = time.monotonic() - began
    return took, asked_at + took / 2 - theirs


def problems(machines: Collection[Machine]) -> Problems:
    """Give what is wrong with the workers of machines, in one query."""
    silent = ExpressionWrapper(Q(heard_at__lt=Now() - SILENT_AFTER), output_field=BooleanField())
    heard = Worker.objects.filter(machine__in=machines).select_related("machine").annotate(silent=silent)
    found: Problems = {}
    for worker in heard.order_by("lane"):
        told = [_silence(worker)] if worker.silent else list(_differences(worker))
        found.setdefault(worker.machine_id, []).extend(told)
    return found


def waiting_for(operation: Operation) -> str:
    """Say that the worker is away for which an unfinished operation waits, "" when it is not."""
    if operation.is_final:
        return ""
    heard = Worker.objects.filter(machine=operation.machine, lane=operation.lane, heard_at__lt=Now() - SILENT_AFTER)
    worker = heard.first()
    if worker is None:
        return ""
    then = (
        "It begins when that runs again." if operation.state == Operation.State.QUEUED else "What is shown may be old."
    )
    return f"{_unheard(worker)} {then}"


def _silence(worker: Worker) -> dict[str, Any]:
    action = f"Look at it on {worker.machine}: is the machine up, does the worker run, does it reach the database?"
    return {
        "code": "worker-silent",
        "message": f"{_unheard(worker)} What is shown of {worker.machine} may be old.",
        "action": action,
    }


def _unheard(worker: Worker) -> str:
    since = timezone.localtime(worker.heard_at)
    return f"Nothing was heard of the {worker.lane} worker of {worker.machine} since {since:%d %b %H:%M:%S}."


def _differences(worker: Worker) -> Iterable[dict[str, Any]]:
    if abs(worker.clock_ahead) > SKEW:
        how = "ahead of" if worker.clock_ahead > 0 else "behind"
        message = f"The clock of {worker.machine} is {abs(worker.clock_ahead):,.0f} s {how} the database's."
        yield {
            "code": "clock",
            "message": message,
            "action": "Set it right: look at chrony or systemd-timesyncd there.",
        }
    if worker.schema != compatibility.schema():
        message = f"The {worker.lane} worker of {worker.machine} runs another version of DLStack than these pages."
        action = f"Upgrade DLStack on {worker.machine} and start its workers again; until then its operations may wait."
        yield {"code": "worker-version", "message": message, "action": action}
