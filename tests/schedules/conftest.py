"""Machines elsewhere, of which nobody's worker runs, and schedules whose time has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from stacks import schedules
from stacks.models import Machine, RecipeRevision, Schedule
from tests.audited import trail_as_before
from tests.conftest import People
from tests.rollouts.fleet import add_machine
from tests.stacks.conftest import recipe

__all__ = ["recipe"]

Plan = Callable[..., Schedule]


@pytest.fixture
def alone(no_broker: None, transactional_db: None) -> Iterator[None]:
    """Let nothing need a worker."""
    with trail_as_before():
        yield


@pytest.fixture
def gp01(alone: None) -> Machine:
    return add_machine("gp01")


@pytest.fixture
def plan(gp01: Machine, people: People, recipe: RecipeRevision) -> Plan:
    """Make a schedule, a backup each hour where nothing else is asked for."""

    def make(when: schedules.Cron | schedules.Every | None = None, **asked: Any) -> Schedule:
        to, by = asked.pop("to", ()), asked.pop("by", people.operator)
        made = Schedule(**{"name": "nightly", "kind": "backup", "machine": gp01, **asked})
        return schedules.save(schedule=made, when=when or schedules.Every(3600, timezone.now()), to=to, by=by)

    return make


def let_be_due(schedule: Schedule, *, ago: float = 1.0, times: int = 1) -> Schedule:
    """Move a schedule's beginning back so far that it was due so many times, the last one some seconds ago."""
    when = schedules.when(schedule)
    assert isinstance(when, schedules.Every)
    schedule.since = timezone.now() - timedelta(seconds=times * when.seconds + ago)
    schedule.next_at = schedule.since + timedelta(seconds=when.seconds)
    schedule.save(update_fields=["since", "next_at"])
    return schedule
