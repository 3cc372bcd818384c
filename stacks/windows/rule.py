"""When a freeze window is open: one rule, from what clocks on the wall show to instants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)


class Span(NamedTuple):
    """A window's one time, in UTC: it is open from `begins` on, and at `ends` no more."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Once:
    """A window that is open one time."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Weekly:
    """A window that is open every week, by the clocks of a time zone; days count from 0, Monday."""

    from_day: int
    from_time: time
    to_day: int
    to_time: time
    zone: str


Window = Once | Weekly


def spans(window: Window, after: datetime) -> Iterator[Span]:
    """Give the times of a window that end after an instant, the earliest first."""
    return (span for span in _all(window, after) if span.ends > after)


def at(window: Window, now: datetime) -> Span | None:
    """Give the time of a window in which an instant lies, None where it is not open."""
    first = next(spans(window, now), None)
    return first if first and first.begins <= now else None


def _all(window: Window, around: datetime) -> Iterator[Span]:
    if isinstance(window, Once):
        yield Span(window.begins.astimezone(UTC), window.ends.astimezone(UTC))
        return
    zone = ZoneInfo(window.zone)
    today = around.astimezone(zone).date()
    # One that began last week may be open still, and where a clock jumps by a day the date is one off.
    first = today - timedelta(days=today.weekday()) - 2 * WEEK
    for week in count():
        yield _of_week(window, first + week * WEEK, zone)


def _of_week(window: Weekly, monday: date, zone: ZoneInfo) -> Span:
    begins = monday + timedelta(days=window.from_day)
    days = (window.to_day - window.from_day) % 7
    if days == 0 and window.to_time <= window.from_time:
        days = 7
    ends = begins + timedelta(days=days)
    return Span(min(_readings(begins, window.from_time, zone)), max(_readings(ends, window.to_time, zone)))


def _readings(day: date, clock: time, zone: ZoneInfo) -> list[datetime]:
    """Give the instants at which a clock shows a time: two where it is set back, one before a jump and one after it.

    Of these a window takes the wider, so that no night is cut short by an hour.
    """
    shown = datetime.combine(day, clock, tzinfo=zone)
    return [shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
