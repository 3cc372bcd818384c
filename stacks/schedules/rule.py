"""When a schedule is due: one rule, by the clocks of a time zone or by an interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo, available_timezones

from celery.schedules import ParseException, crontab
from cronsim import CronSim, CronSimError

from stacks.engine.errors import Refused

FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
UNITS = ((24 * 3600, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
LONGEST = 366 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields of crontab(5), by the clocks of a time zone.

    What a jump of the clock leaves out comes right after it, and what is shown twice comes once, as in Debian's cron.
    """

    text: str
    zone: str


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds, counted from an instant."""

    seconds: int
    since: datetime


When = Cron | Every


def upcoming(when: When, after: datetime, number: int) -> list[datetime]:
    """Give the next times after an instant, in UTC."""
    return list(islice(_forward(when, after), number))


def following(when: When, after: datetime) -> datetime | None:
    """Give the next time after an instant, None where there is none any more."""
    return next(_forward(when, after), None)


def latest(when: When, now: datetime) -> datetime | None:
    """Give the last time at or before an instant, None where there was none."""
    if isinstance(when, Every):
        past = (now - when.since) // timedelta(seconds=when.seconds)
        return when.since + past * timedelta(seconds=when.seconds) if past > 0 else None
    # The first tick backwards lies before its beginning, in whole seconds.
    begin = (now.replace(microsecond=0) + timedelta(seconds=1)).astimezone(ZoneInfo(when.zone))
    found = next(CronSim(when.text, begin, reverse=True), None)
    return found.astimezone(UTC) if found else None


def words(when: When) -> str:
    """Say when a schedule is due as people do: at 02:30 on Monday through Friday, by which clocks; every 6 hours."""
    if isinstance(when, Cron):
        said = str(CronSim(when.text, datetime.now(UTC)).explain())
        return f"{said[:1].lower()}{said[1:]}, {when.zone}"
    unit, name = next((unit, name) for unit, name in UNITS if when.seconds % unit == 0)
    number = when.seconds // unit
    return f"every {number} {name}s" if number > 1 else f"every {name}"


def check(when: When) -> None:
    """Raise Refused for an interval out of bounds, an unknown time zone, and what is no crontab or means two things."""
    if isinstance(when, Every):
        if not 1 <= when.seconds <= LONGEST:
            raise Refused(f"The interval is in seconds, from 1 to {LONGEST}.")
        return
    if when.zone not in available_timezones():
        raise Refused(f"There is no time zone “{when.zone}”: they are named as in Europe/Berlin, or UTC.")
    _check_fields(when.text)


def _check_fields(text: str) -> None:
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise Refused("A time is five fields: minute, hour, day of the month, month, day of the week.")
    if "*" not in (fields[2][:1], fields[4][:1]):
        raise Refused("Name days of the month or days of the week, not both: what both would mean is told differently.")
    try:
        crontab(**dict(zip(FIELDS, fields, strict=True)))  # beat's reading of it, which knows less
        next(CronSim(text, datetime.now(UTC)))
    except (CronSimError, ParseException, ValueError) as error:
        raise Refused(f"“{text}” is no time of crontab(5): {str(error).rstrip('.')}; Sunday is 0.") from None
    except StopIteration:
        raise Refused(f"“{text}” never comes.") from None


def _forward(when: When, after: datetime) -> Iterator[datetime]:
    if isinstance(when, Every):
        past = (after - when.since) // timedelta(seconds=when.seconds)
        return (when.since + number * timedelta(seconds=when.seconds) for number in count(max(past, 0) + 1))
    return (at.astimezone(UTC) for at in CronSim(when.text, after.astimezone(ZoneInfo(when.zone))))
