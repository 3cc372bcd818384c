"""`dlstack schedules`: what is done at certain times, when next, and what came of it last."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from stacks import schedules
from stacks.management.verb import DONE, Verb
from stacks.models import Schedule, ScheduleRun


class Command(Verb):
    help = "List the schedules: what is done when, and what came of the last time. They are made on the pages."
    takes_machine = False

    def carry_out(self, options: dict[str, Any]) -> int:
        related = ("machine", "owner", "task__crontab", "task__interval")
        found = [(schedule, schedule.runs.first()) for schedule in Schedule.objects.select_related(*related)]
        if self.is_json:
            self.document([schedules.document(schedule, last) for schedule, last in found])
        elif found:
            self.table([("NAME", "WHAT", "MACHINE", "WHEN", "NEXT", "LAST"), *(_row(*one) for one in found)])
        else:
            self.say("There is no schedule yet.")
        return DONE


def _row(schedule: Schedule, last: ScheduleRun | None) -> tuple[str, ...]:
    paused = "stopped" if schedule.stopped else "paused"
    following = f"{timezone.localtime(schedule.next_at):%Y-%m-%d %H:%M:%S}" if schedule.next_at else paused
    came = f"{last.state} {schedule.stopped or last.message}".strip() if last else "–"
    when = schedules.words(schedules.when(schedule))
    return schedule.name, schedules.what(schedule), schedule.machine.name, when, following, came
