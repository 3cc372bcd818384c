"""What pages say of schedules and of what came of their times."""

from __future__ import annotations

from django import template

from stacks import schedules
from stacks.models import Schedule, ScheduleRun
from stacks.templatetags.dlstack import STATES as OPERATIONS
from stacks.templatetags.rollouts import STATES as ROLLOUTS

register = template.Library()

STATES = {
    "submitted": ("succeeded", "check-circle", "Submitted"),
    "skipped": ("cancelled", "minus-circle", "Skipped"),
    "refused": ("failed", "hand-raised", "Refused"),
    "missed": ("interrupted", "clock", "Missed"),
}

register.filter("what_it_does", schedules.what)


@register.filter
def when_due(schedule: Schedule) -> str:
    """Say when a schedule is due, in words."""
    return schedules.words(schedules.when(schedule))


@register.inclusion_tag("stacks/_state.html")
def run_state(run: ScheduleRun) -> dict[str, str]:
    """Show what came of a time: how that stands which was submitted, or why nothing was."""
    if run.rollout is not None:
        state, icon, word = ROLLOUTS[run.rollout.state]
    elif run.operation is not None:
        state, (icon, word) = run.operation.state, OPERATIONS[run.operation.state]
    else:
        state, icon, word = STATES[run.state]
    return {"state": state, "icon": icon, "word": word}
