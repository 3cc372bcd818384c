"""When nothing is deployed, and where."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from stacks import windows
from stacks.engine.errors import Refused
from stacks.forms.times import PREVIEWED, TimeZoneField, input_of, machine_names, shown
from stacks.models import FreezeWindow, Machine
from stacks.windows import rule

REPEATS = (("weekly", "Every week"), ("once", "One time"))
YEARS = range(2000, 2100)
ONCE, WEEKLY = ("starts_at", "ends_at"), ("from_day", "from_time", "to_day", "to_time")


class WindowForm(forms.Form):
    """A freeze window; its times are by the clocks of its time zone."""

    name = forms.CharField(max_length=60)
    machine = forms.ChoiceField(required=False, label="Where")
    reason = forms.CharField(max_length=500, label="Why?", help_text="Told to everybody who is refused a deploy.")
    repeats = forms.ChoiceField(choices=REPEATS, initial="weekly", label="When")
    time_zone = TimeZoneField()
    from_day = forms.TypedChoiceField(coerce=int, choices=FreezeWindow.Day, initial=4, required=False, label="From day")
    from_time = forms.TimeField(required=False, initial="16:00", widget=input_of("time"), label="From time")
    to_day = forms.TypedChoiceField(coerce=int, choices=FreezeWindow.Day, initial=0, required=False, label="To day")
    to_time = forms.TimeField(required=False, initial="08:00", widget=input_of("time"), label="To time")
    starts_at = forms.CharField(required=False, widget=input_of("datetime-local"), label="From", help_text="Once.")
    ends_at = forms.CharField(required=False, widget=input_of("datetime-local"), label="To", help_text="Once.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["machine"].choices = [("", "all machines"), *machine_names()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check that the window begins and ends."""
        asked = super().clean() or {}
        wanted = ONCE if asked.get("repeats") == "once" else WEEKLY
        for name in wanted:
            if name not in self.errors and asked.get(name) in (None, ""):
                self.add_error(name, "This is needed.")
        if not {*wanted, "time_zone", "repeats"} & set(self.errors):
            try:
                self.window = FreezeWindow(**self._times(asked))
                windows.checked(self.window)
            except (Refused, ValueError) as problem:
                said = str(problem) if isinstance(problem, Refused) else "This is no date and time."
                self.add_error(wanted[-1] if wanted is ONCE else "to_day", said)
        return asked

    @property
    def next_times(self) -> list[str]:
        """The next times by what is in the form, in words; none where that is not right."""
        window = getattr(self, "window", None) if self.is_bound else self._first()
        if window is None or (self.is_bound and self.errors.keys() & {*ONCE, *WEEKLY}):
            return []
        spans = islice(rule.spans(windows.rule_of(window), timezone.now()), PREVIEWED)
        zone = window.time_zone
        return [f"{shown(span.begins, zone)} – {shown(span.ends, zone)}" for span in spans]

    def apply_to(self, window: FreezeWindow) -> FreezeWindow:
        """Write what was asked into a window, which is not saved by that."""
        asked = self.cleaned_data
        window.machine = Machine.objects.get(name=asked["machine"]) if asked["machine"] else None
        for name, value in {"name": asked["name"], "reason": asked["reason"], **self._times(asked)}.items():
            setattr(window, name, value)
        return window

    def _first(self) -> FreezeWindow:
        field = {name: self.fields[name] for name in (*WEEKLY, *ONCE, "repeats", "time_zone")}
        asked = {name: self.get_initial_for_field(field[name], name) for name in field}
        asked |= {name: field[name].clean(asked[name]) for name in WEEKLY}
        return FreezeWindow(**self._times(asked))

    @staticmethod
    def _times(asked: dict[str, Any]) -> dict[str, Any]:
        zone = asked["time_zone"]
        if asked["repeats"] == "once":
            own = {name: _moment(asked[name], zone) for name in ONCE}
            return {"time_zone": zone, **dict.fromkeys(WEEKLY), **own}
        return {"time_zone": zone, **dict.fromkeys(ONCE), **{name: asked[name] for name in WEEKLY}}


def _moment(text: str, zone: str) -> datetime:
    """Read a date and time by the clocks of a time zone; raises ValueError where it is none of this century."""
    at = datetime.fromisoformat(text)
    if at.year not in YEARS:
        raise ValueError(f"Not from {YEARS.start} to {YEARS.stop}")
    return at.replace(tzinfo=ZoneInfo(zone))


def initial_of(window: FreezeWindow) -> dict[str, Any]:
    """Give a window as the form shows it first."""
    known = {"name": window.name, "reason": window.reason, "time_zone": window.time_zone}
    known["machine"] = window.machine.name if window.machine else ""
    if window.starts_at is None or window.ends_at is None:
        times = {"from_time": f"{window.from_time:%H:%M}", "to_time": f"{window.to_time:%H:%M}"}
        return {**known, "repeats": "weekly", "from_day": window.from_day, "to_day": window.to_day, **times}
    zone = ZoneInfo(window.time_zone)
    own = {name: f"{getattr(window, name).astimezone(zone):%Y-%m-%dT%H:%M}" for name in ONCE}
    return {**known, "repeats": "once", **own}
