"""What is done when, again and again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms

from stacks import schedules
from stacks.engine.errors import Refused
from stacks.forms.times import PREVIEWED, TimeZoneField, machine_names, shown
from stacks.models import Machine, Recipe, Schedule
from stacks.schedules.rule import Cron, Every, When

KINDS = (
    (Schedule.Kind.BUILD, "Build a version"),
    (Schedule.Kind.DEPLOY, "Deploy the newest version of a recipe"),
    (Schedule.Kind.BACKUP, "Back up what users changed"),
    (Schedule.Kind.VERIFY, "Verify in full what is active"),
)
REPEATS = (("cron", "At times of the day"), ("every", "Every so often"))
UNITS = ((60, "minutes"), (3600, "hours"), (86400, "days"))
NIGHTLY = "0 2 * * *"


class ScheduleForm(forms.Form):
    """A schedule; which fields count depends on what is done, and on how it is repeated."""

    name = forms.CharField(max_length=60)
    kind = forms.ChoiceField(choices=KINDS, label="What is done")
    machine = forms.ChoiceField(label="Machine")
    recipe = forms.ChoiceField(required=False, help_text="For a build or a deploy.")
    deploy = forms.BooleanField(required=False, label="Deploy what was built", help_text="For a build.")
    to = forms.MultipleChoiceField(required=False, label="Then on these machines, too")
    repeats = forms.ChoiceField(choices=REPEATS, initial="cron", label="When")
    cron = forms.CharField(
        required=False, max_length=120, initial=NIGHTLY, label="Times",
        help_text="As in crontab(5): minute, hour, day of the month, month, day of the week. 0 2 * * 1-5 is at two "
        "o’clock from Monday to Friday.",
    )  # fmt: skip
    time_zone = TimeZoneField()
    every = forms.IntegerField(required=False, min_value=1, max_value=9999, initial=6, label="Every")
    unit = forms.TypedChoiceField(coerce=int, choices=UNITS, initial=3600, label="Minutes, hours or days")
    grace = forms.IntegerField(
        min_value=1, max_value=10080, initial=60, label="May begin late by",
        help_text="In minutes. When nothing ran for longer than that, it waits for its next time.",
    )  # fmt: skip
    reason = forms.CharField(required=False, max_length=300, help_text="Kept with each operation.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        recipes = [(name, name) for name in Recipe.objects.order_by("name").values_list("name", flat=True)]
        machines = machine_names()
        for name, choices in (("machine", machines), ("to", machines), ("recipe", [("", "none"), *recipes])):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        if self.initial.get("unit") == 1:
            self.fields["unit"].choices = [*UNITS, (1, "seconds")]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check the times, and that a recipe is there where one is needed."""
        asked = super().clean() or {}
        try:
            self.when = self._when(asked)
        except Refused as refusal:
            self.add_error("cron" if asked.get("repeats") == "cron" else "every", str(refusal))
        if asked.get("kind") in Schedule.OF_RECIPE and not asked.get("recipe"):
            self.add_error("recipe", "Choose a recipe.")
        return asked

    @property
    def next_times(self) -> list[str]:
        """The next times by what is in the form, in words; none where that is not right."""
        fields = ("repeats", "cron", "time_zone", "every", "unit")
        asked = {name: self.get_initial_for_field(self.fields[name], name) for name in fields}
        try:
            when = self._when(asked) if not self.is_bound else getattr(self, "when", None)
        except Refused:
            return []
        zone = when.zone if isinstance(when, Cron) else "UTC"
        return [shown(at, zone) for at in schedules.upcoming(when, datetime.now(UTC), PREVIEWED)] if when else []

    def apply_to(self, schedule: Schedule) -> Schedule:
        """Write what was asked into a schedule, which is not saved by that."""
        asked = self.cleaned_data
        for name in ("name", "kind", "recipe", "deploy", "reason"):
            setattr(schedule, name, asked[name])
        schedule.machine, schedule.grace = Machine.objects.get(name=asked["machine"]), 60 * asked["grace"]
        return schedule

    @property
    def machines(self) -> list[Machine]:
        """The machines that a deploy goes to after the first."""
        others = set(self.cleaned_data["to"]) - {self.cleaned_data["machine"]}
        return list(Machine.objects.filter(name__in=others))

    def _when(self, asked: dict[str, Any]) -> When:
        when: When
        if asked.get("repeats") == "every":
            when = Every((asked.get("every") or 0) * (asked.get("unit") or 1), datetime.now(UTC))
        else:
            when = Cron(" ".join((asked.get("cron") or "").split()), asked.get("time_zone") or "UTC")
        schedules.check(when)
        return when


def initial_of(schedule: Schedule) -> dict[str, Any]:
    """Give a schedule as the form shows it first."""
    when = schedules.when(schedule)
    known = {name: getattr(schedule, name) for name in ("name", "kind", "recipe", "deploy", "reason")}
    known |= {"machine": schedule.machine.name, "to": [machine.name for machine in schedule.to.all()]}
    known |= {"grace": -(-schedule.grace // 60)}
    if isinstance(when, Cron):
        return {**known, "repeats": "cron", "cron": when.text, "time_zone": when.zone}
    unit = next((seconds for seconds, _ in reversed(UNITS) if when.seconds % seconds == 0), 1)
    return {**known, "repeats": "every", "every": when.seconds // unit, "unit": unit}
