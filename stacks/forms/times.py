"""What the forms of schedules and of freeze windows have in common: names, time zones, and times shown beforehand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from stacks.models import Machine

PREVIEWED = 5


class TimeZoneField(forms.CharField):
    """The name of a time zone; the browser offers those that there are."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"list": "zones"})
        help_text = "By whose clocks: as in Europe/Berlin, or UTC."
        super().__init__(max_length=64, initial="UTC", widget=widget, help_text=help_text, label="Time zone", **kwargs)

    def clean(self, value: Any) -> str:
        """Refuse a name that is none."""
        name = str(super().clean(value))
        if name not in available_timezones():
            raise forms.ValidationError(f"There is no time zone “{name}”: they are named as in Europe/Berlin, or UTC.")
        return name


@lru_cache(maxsize=1)
def zones() -> SafeString:
    """Give the time zones as options of a datalist."""
    names = sorted(name for name in available_timezones() if not name.startswith(("Etc/", "SystemV/")))
    return format_html_join("", '<option value="{}">', ((name,) for name in names))


def input_of(kind: str) -> forms.TextInput:
    """Make a widget that the browser shows as one of its own: time, datetime-local."""
    widget = forms.TextInput()
    widget.input_type = kind
    return widget


def shown(at: datetime, zone: str) -> str:
    """Write an instant by the clocks of a time zone, and in UTC where that differs."""
    text = f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y, %H:%M} {zone}"
    return text if zone == "UTC" else f"{text} ({at.astimezone(UTC):%H:%M} UTC)"


def machine_names() -> list[tuple[str, str]]:
    """Give all machines as choices."""
    return [(name, name) for name in Machine.objects.order_by("name").values_list("name", flat=True)]
