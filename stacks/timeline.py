"""What happened on a machine in the last hours, to copy into a post-mortem: Markdown that reads as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, F, JSONField, Q, QuerySet, Value, When
from django.utils import timezone

from stacks import ansi, live
from stacks.activations import LARGE
from stacks.marks import COMMAND_LINE
from stacks.models import Activation, Event, Machine, Operation

HOURS = 48
LONGEST = 24 * 31  # hours
MOST, ON_PAGE = 500, 100  # of each kind, the newest
OF_PEOPLE = tuple(f"requested_by__{name}" for name in ("password", "email", "last_login", "date_joined"))  # not told
SHORT = 300  # characters of what an operation said


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened on a machine since a time, of each kind the newest `most`.

    `operations` also has those that are not finished, however old.
    """

    machine: Machine
    since: datetime
    until: datetime
    activations: list[Activation]
    operations: list[Operation]
    events: list[Event]
    most: int = MOST

    @property
    def unfinished(self) -> list[Operation]:
        """What is waiting or running now."""
        return [operation for operation in self.operations if not operation.is_final]

    @property
    def text(self) -> str:
        """The timeline, the oldest line first; times are UTC."""
        found = sorted([*self._operations(), *self._activations(), *self._events()])
        lines = [f"- {_iso(at)} {' '.join(said.split())}" for at, said in found] or ["- nothing"]
        counts = (len(self.activations), len(self.operations), len(self.events))
        where = "the plain text has more" if self.most < MOST else "the activity has all"
        cut = f"- (of the operations, activations and events the newest {self.most} each; {where})"
        head = f"## {self.machine}, {_iso(self.since)} to {_iso(self.until)}"
        return "\n".join(map(ansi.strip, [head, "", *([cut] if self.most in counts else []), *lines, ""]))

    def _operations(self) -> Iterator[tuple[datetime, str]]:
        for one in self.operations:
            took = f" after {seconds:.1f} s" if (seconds := live.seconds_taken(one)) is not None else ""
            why = f" Reason: “{one.reason}”." if one.reason else ""
            said = f" {one.message[:SHORT]}" if one.message else ""
            told = f"{live.operation_title(one)} (#{one.pk}) by {one.requested_by or COMMAND_LINE}: {one.state}{took}."
            yield one.started_at or one.created_at, f"{told}{why}{said}"

    def _activations(self) -> Iterator[tuple[datetime, str]]:
        for one in self.activations:
            health = {True: ", healthy", False: ", NOT healthy", None: ""}[one.healthy]
            by = f", by {one.activated_by}" if one.activated_by else ""
            yield one.activated_at, f"“{one.version.name}” became active{health}{by}."

    def _events(self) -> Iterator[tuple[datetime, str]]:
        return ((one.at, f"{one.text} (by {one.by or COMMAND_LINE})") for one in self.events)


def of(machine: Machine, hours: int = HOURS, most: int = MOST) -> Happened:
    """Gather what happened on a machine in the last hours, in three queries."""
    until = timezone.now()
    since = until - timedelta(hours=hours)
    recent = Q(created_at__gte=since) | Q(finished_at__gte=since) | Q(state__in=Operation.UNFINISHED)
    operations = machine.operations.filter(recent).select_related("requested_by").defer("outcome", "steps", *OF_PEOPLE)
    activations = machine.activations.filter(activated_at__gte=since).select_related("version", "activated_by")
    events = machine.events.filter(at__gte=since).select_related("by")
    changes = list(activations.defer(*LARGE)[:most])
    return Happened(machine, since, until, changes, _with_steps(operations, most), list(events[:most]), most)


def _with_steps(operations: QuerySet[Operation], most: int) -> list[Operation]:
    """Read operations with the steps of those alone that are not finished: to read those of hundreds takes a while."""
    going_on = Case(When(state__in=Operation.UNFINISHED, then="steps"), default=Value([], JSONField()))
    unfinished_first = F("finished_at").desc(nulls_first=True)
    found: list[Any] = list(operations.annotate(steps_now=going_on).order_by(unfinished_first)[:most])
    for operation in found:
        operation.steps = operation.steps_now
    return found


def asked_hours(given: str | None) -> int:
    """Read how many hours are asked for; what is no number gives the usual."""
    return min(max(int(given), 1), LONGEST) if given and given.isascii() and given.isdigit() else HOURS


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
