"""Real beats, a real Valkey and a real worker: what is due runs, once, and what was missed is made up for once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from stacks import schedules
from stacks.embedded.services import service
from stacks.models import Machine, Operation, RecipeRevision, Schedule, ScheduleRun
from stacks.schedules import Cron, Every
from tests import databases
from tests.audited import trail_as_before
from tests.conftest import REPOSITORY, People
from tests.schedules.conftest import let_be_due
from tests.stacks.conftest import Crew, crew, layout, machine, owner, recipe, workers
from tests.waiting import until

__all__ = ["crew", "layout", "machine", "owner", "recipe", "workers"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Beat:
    """A beat as the embedded supervisor and the units start it, on the database of this test."""

    def __init__(self, number: int) -> None:
        self.log = Path(settings.DLSTACK.home) / f"beat-{number}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                service(settings.DLSTACK, "beat").command,
                env={**os.environ, "DATABASE_URL": databases.url(), "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"},
                cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(30)


@pytest.fixture
def beat() -> Iterator[Callable[[], Beat]]:
    """Start beats, and end them."""
    started: list[Beat] = []

    def start() -> Beat:
        started.append(Beat(len(started)))
        return started[-1]

    try:
        with trail_as_before():
            yield start
    finally:
        for one in started:
            one.end(signal.SIGKILL)
            print(one.log.read_text()[-2000:])


@pytest.fixture
def every(machine: Machine, people: People, recipe: RecipeRevision) -> Callable[..., Schedule]:
    """Plan a build every so many seconds."""

    def plan(seconds: int, **more: int) -> Schedule:
        made = Schedule(name="often", kind="build", machine=machine, recipe="starter", **more)
        return schedules.save(schedule=made, when=Every(seconds, timezone.now()), by=people.operator)

    return plan


def runs(*states: str) -> list[ScheduleRun]:
    found = ScheduleRun.objects.filter(state__in=states) if states else ScheduleRun.objects.all()
    return list(found.order_by("pk").select_related("operation"))


def succeeded() -> list[Operation]:
    return list(Operation.objects.filter(state="succeeded").order_by("pk"))


def test_what_is_due_runs_and_pages_change_it_while_beat_runs(
    beat: Callable[[], Beat], every: Callable[..., Schedule], workers: Crew, people: People
) -> None:
    workers.have("build")
    beat()
    schedule = every(2)
    until(lambda: len(succeeded()) >= 3, within=60)
    first = succeeded()[0]
    assert (first.requested_by, first.reason) == (people.operator, "Schedule “often” of operator")
    apart = [after.due_at - one.due_at for one, after in zip(runs(), runs()[1:], strict=False)]
    assert all(one.total_seconds() % 2 == pytest.approx(0, abs=1e-3) for one in apart)

    schedules.pause(schedule=schedule, by=people.operator)
    until(lambda: not Operation.objects.filter(state__in=Operation.UNFINISHED).exists(), within=30)
    count = len(runs())
    time.sleep(6)  # beat reads its tables again every five seconds
    assert len(runs()) == count

    schedules.resume(schedule=Schedule.objects.get(), by=people.admin)
    until(lambda: len(runs()) > count and succeeded()[-1].requested_by == people.admin, within=60)


def test_two_beats_at_once_do_nothing_twice(
    beat: Callable[[], Beat], every: Callable[..., Schedule], workers: Crew
) -> None:
    workers.have("build")
    both = [beat(), beat()]
    every(1)
    until(lambda: len(succeeded()) >= 4, within=90)
    assert [one.process.poll() for one in both] == [None, None]
    submitted = runs("submitted")
    assert not [at for at, count in Counter(run.due_at for run in runs()).items() if count > 1]
    asked = list(Operation.objects.order_by("pk").values_list("pk", flat=True))
    assert [run.operation_id for run in submitted][: len(asked)] == asked[: len(submitted)]
    ended = [one.finished_at for one in succeeded()]
    begun = [one.created_at for one in succeeded()]
    assert all(after > before for before, after in zip(ended, begun[1:], strict=False) if before)


def test_a_beat_that_was_killed_makes_up_for_the_latest_alone(
    beat: Callable[[], Beat], every: Callable[..., Schedule], crew: Crew
) -> None:
    crew.dismiss()  # the worker of another test would begin what is cancelled here
    killed = beat()
    until(lambda: PeriodicTask.objects.filter(name="sweep").exists(), within=30)
    schedule = every(3600, grace=1800)
    killed.end(signal.SIGKILL)
    let_be_due(schedule, ago=60, times=12)
    beat()
    [run] = until(runs, within=30)
    assert (run.state, run.operation is not None) == ("submitted", True)
    assert timedelta(seconds=60) <= run.at - run.due_at < timedelta(seconds=120)
    Operation.objects.update(state="cancelled", finished_at=timezone.now())

    let_be_due(schedule, ago=2000, times=3)
    until(lambda: len(runs()) == 2, within=30)
    assert runs()[-1].state == "missed"
    assert Operation.objects.count() == 1


def test_entries_that_nobody_knows_any_more_go_and_the_sites_own_are_there(
    beat: Callable[[], Beat], every: Callable[..., Schedule]
) -> None:
    every(3600)
    old = PeriodicTask.objects.create(name="of an older DLStack", task="stacks.tasks.gone", interval=_interval())
    beat()
    until(lambda: PeriodicTask.objects.filter(name="tidy").exists(), within=30)
    assert not PeriodicTask.objects.filter(pk=old.pk).exists()
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert names == {"sweep", "reap", "back_up", "kernels", "tidy", Schedule.objects.get().task.name}


def test_a_time_of_the_day_is_kept_to_the_second(beat: Callable[[], Beat], every: Callable[..., Schedule]) -> None:
    schedule = every(3600)
    schedules.save(schedule=schedule, when=Cron("* * * * *", "Europe/Berlin"), by=schedule.owner)
    beat()
    [run] = until(runs, within=75)
    assert run.due_at.second == 0
    assert run.at - run.due_at < timedelta(seconds=5)


def _interval() -> object:
    from django_celery_beat.models import IntervalSchedule

    return IntervalSchedule.objects.create(every=9, period="seconds")
