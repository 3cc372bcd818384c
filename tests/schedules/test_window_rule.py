"""The rule of freeze windows: against clocks on the wall, in many time zones, through changes of daylight saving."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.windows import rule
from stacks.windows.rule import Once, Span, Weekly

ZONES = ("UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
JUMP = timedelta(hours=1)
WEEK = timedelta(days=7)
weeklies = st.builds(
    Weekly, st.integers(0, 6), st.times().map(lambda at: at.replace(second=0, microsecond=0)), st.integers(0, 6),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)), st.sampled_from(ZONES),
).filter(lambda one: (one.from_day, one.from_time) != (one.to_day, one.to_time))  # fmt: skip
instants = st.integers(0, 15 * 366 * 24 * 3600).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
NIGHTS = Weekly(4, time(16), 0, time(8), "Europe/Berlin")


def minute(day: int, at: time) -> int:
    """Give the minute of the week."""
    return (day * 24 + at.hour) * 60 + at.minute


def shows_open(window: Weekly, now: datetime) -> bool:
    """Tell what somebody reads off a clock on the wall."""
    local = now.astimezone(ZoneInfo(window.zone))
    begins, ends = minute(window.from_day, window.from_time), minute(window.to_day, window.to_time)
    at = minute(local.weekday(), local.time())
    return begins <= at < ends if begins < ends else at >= begins or at < ends


def jumps(zone: str, now: datetime) -> bool:
    """Tell whether a clock is set within some hours: then two readings of it may both be right."""
    around = {(now + hours * JUMP).astimezone(ZoneInfo(zone)).utcoffset() for hours in range(-26, 27)}
    return len(around) > 1


@given(weeklies, instants)
def test_it_is_open_when_the_clock_on_the_wall_says_so(window: Weekly, now: datetime) -> None:
    found = rule.at(window, now)
    if not jumps(window.zone, now):
        assert (found is not None) == shows_open(window, now)
    if found is not None:
        assert found.begins <= now < found.ends


@given(weeklies, instants)
def test_its_times_follow_one_another(window: Weekly, now: datetime) -> None:
    spans = list(islice(rule.spans(window, now), 60))
    assert spans[0].ends > now
    for one, after in pairwise(spans):
        assert one.begins < one.ends
        assert abs(after.begins - one.begins - WEEK) <= JUMP
        assert one.begins < after.begins
    zone = ZoneInfo(window.zone)
    for one in spans:
        shown = one.begins.astimezone(zone)
        if not jumps(window.zone, one.begins):
            assert (shown.weekday(), shown.time()) == (window.from_day, window.from_time)


@given(weeklies, instants)
def test_no_earlier_look_misses_one(window: Weekly, now: datetime) -> None:
    later = next(rule.spans(window, now))
    assert later in list(islice(rule.spans(window, now - 3 * WEEK), 6))


def berlin(*at: int, fold: int = 0) -> datetime:
    return datetime(*at, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)  # type: ignore[arg-type, misc]  # year to minute


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        (berlin(2026, 11, 27, 15, 59), False),
        (berlin(2026, 11, 27, 16, 0), True),
        (berlin(2026, 11, 29, 12, 0), True),
        (berlin(2026, 11, 30, 7, 59), True),
        (berlin(2026, 11, 30, 8, 0), False),
    ],
)
def test_a_weekend(now: datetime, is_open: bool) -> None:
    assert (rule.at(NIGHTS, now) is not None) == is_open


@pytest.mark.parametrize(
    ("friday", "hours"), [(date(2026, 3, 27), 63), (date(2026, 10, 23), 65), (date(2026, 6, 5), 64)]
)
def test_a_weekend_on_which_the_clocks_are_set(friday: date, hours: int) -> None:
    found = rule.at(NIGHTS, berlin(friday.year, friday.month, friday.day, 20))
    assert found is not None
    assert found.ends - found.begins == timedelta(hours=hours)
    assert f"{found.ends.astimezone(ZoneInfo('Europe/Berlin')):%a %H:%M}" == "Mon 08:00"


def test_an_hour_that_comes_twice_is_all_in_it_and_one_that_is_left_out_cuts_nothing_off() -> None:
    night = Weekly(6, time(2, 30), 6, time(2, 45), "Europe/Berlin")
    twice = next(rule.spans(night, berlin(2026, 10, 25, 0)))
    assert twice == Span(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 45, tzinfo=UTC))
    never = next(rule.spans(night, berlin(2026, 3, 29, 0)))
    assert never == Span(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 45, tzinfo=UTC))


def test_one_that_is_once() -> None:
    begins = datetime(2026, 11, 27, tzinfo=UTC)
    once = Once(begins, begins + JUMP)
    assert rule.at(once, begins) == Span(begins, begins + JUMP)
    assert rule.at(once, begins - timedelta(seconds=1)) is None
    assert rule.at(once, begins + JUMP) is None
    assert list(rule.spans(once, begins + JUMP)) == []
