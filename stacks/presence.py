"""What is heard of workers, and what machines' pages say when nothing is: silence, clocks, versions (F10, F28, F29).

A worker counts as heard where it was since its machine is awaited: one that was before knows another name.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from stacks import compatibility, program
from stacks.engine import facts
from stacks.models import Machine, Operation, Worker
from stacks.problems import Problems

SILENT_AFTER = timedelta(minutes=3)  # three times what workers leave between two signs
SKEW = 5.0  # seconds


def note(machine: Machine, lane: str) -> None:
    """Record that the worker of a lane lives, how its clock goes, which program it is and on what machine it runs."""
    told = {
        "heard_at": Now(), "clock_ahead": clock_ahead(), "schema": compatibility.schema(),
        "version": program.version(), "facts": _facts(machine.root),
    }  # fmt: skip
    Worker.objects.update_or_create(machine=machine, lane=lane, defaults=told)


@lru_cache(maxsize=1)
def _facts(root: str) -> dict[str, Any]:
    """Look at this machine once, at the start of the worker."""
    return facts.gather(Path(root))


def heard(machines: Collection[Machine]) -> QuerySet[Worker]:
    """Give the workers that were heard under the names that their machines have, the one heard last first."""
    known = Q(machine__awaited_since=None) | Q(heard_at__gte=F("machine__awaited_since"))
    found = Worker.objects.filter(known, machine__in=machines).select_related("machine").defer("machine__observed")
    return found.order_by("-heard_at")


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


def last_signs(machines: Collection[Machine], lane: str) -> dict[int, datetime]:
    """Give when the worker of a lane was heard last, by machine; those of which none ever was are left out."""
    return dict(heard(machines).filter(lane=lane).values_list("machine", "heard_at"))


def is_alive(machine: Machine) -> bool:
    """Tell whether a worker of a machine was heard lately."""
    return heard([machine]).filter(heard_at__gte=Now() - SILENT_AFTER).exists()


def problems(machines: Collection[Machine]) -> Problems:
    """Give what is wrong with the workers of machines, in one query."""
    silent = ExpressionWrapper(Q(heard_at__lt=Now() - SILENT_AFTER), output_field=BooleanField())
    found: Problems = {}
    for worker in heard(machines).annotate(silent=silent).order_by("lane"):
        told = [_silence(worker)] if worker.silent else _differences(worker)
        known = found.setdefault(worker.machine_id, [])
        known.extend(one for one in told if one not in known)  # both lanes have the clock of their machine
    for machine in machines:
        if machine.pk not in found and _is_overdue(machine):
            found[machine.pk] = [_never(machine)]
    return found


def _is_overdue(machine: Machine) -> bool:
    return timezone.now() - _awaited(machine) > SILENT_AFTER


def _awaited(machine: Machine) -> datetime:
    return machine.awaited_since or machine.created_at


def _never(machine: Machine) -> dict[str, Any]:
    since = f"{timezone.localtime(_awaited(machine)):%d %b %H:%M}"
    return {
        "code": "never-answered",
        "message": f"No worker of {machine} has answered since it was added, joined or was renamed, {since}.",
        "action": f"Look there: systemctl status dlstack-live. Or let {machine} join again, which takes one command.",
        "address": reverse("stacks:machine-join", args=[machine.name]),
    }


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
    if worker.schema != compatibility.schema() or worker.version not in ("", program.version()):
        message = f"The {worker.lane} worker of {worker.machine} runs another version of DLStack than these pages"
        message += f": {worker.version}, not {program.version()}." if worker.version else "."
        action = f"Upgrade DLStack on {worker.machine} and start its workers again; until then its operations may wait."
        yield {"code": "worker-version", "message": message, "action": action}
