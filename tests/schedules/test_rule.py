"""The rule of schedules: forwards and backwards the same times, in many time zones; what is no time is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.engine.errors import Refused
from stacks.schedules import rule
from stacks.schedules.rule import Cron, Every, When

ZONES = ("UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu")
instants = st.integers(0, 15 * 366 * 24 * 3600).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
minutes, hours = st.integers(0, 59).map(str), st.one_of(st.integers(0, 23).map(str), st.just("*"), st.just("*/6"))
days = st.sampled_from(("* * *", "* * 1-5", "1 * *", "1,15 * *", "* 2 0", "29 2 *"))
crons = st.builds(lambda m, h, d, zone: Cron(f"{m} {h} {d}", zone), minutes, hours, days, st.sampled_from(ZONES))
everies = st.builds(Every, st.integers(1, rule.LONGEST), instants)


@given(st.one_of(crons, everies), instants)
def test_the_last_and_the_next_are_neighbours(when: When, now: datetime) -> None:
    last, following = rule.latest(when, now), rule.following(when, now)
    assert following is not None
    assert following > now
    if last is not None:
        assert last <= now
        assert rule.following(when, last) == following
        assert rule.latest(when, last) == last
    assert rule.latest(when, following) == following


@given(st.one_of(crons, everies), instants)
def test_the_next_times_ascend(when: When, now: datetime) -> None:
    times = rule.upcoming(when, now, 5)
    assert len(times) == 5
    assert times == sorted(set(times))
    assert [rule.following(when, at) for at in times[:-1]] == times[1:]


@given(crons.filter(lambda when: when.text.split()[1].isdigit()), instants)
def test_at_an_hour_of_the_wall_it_comes_once_a_day(when: Cron, now: datetime) -> None:
    zone = ZoneInfo(when.zone)
    shown = [at.astimezone(zone).date() for at in rule.upcoming(when, now, 10)]
    assert len(set(shown)) == len(shown)


def test_nights_on_which_the_clocks_are_set() -> None:
    nightly = Cron("30 2 * * *", "Europe/Berlin")
    spring = rule.upcoming(nightly, datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert [f"{at:%d %H:%M}" for at in spring] == ["29 01:00", "30 00:30"]  # 02:30 is left out: right after the jump
    autumn = rule.upcoming(nightly, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert [f"{at:%d %H:%M}" for at in autumn] == ["25 00:30", "26 01:30"]  # 02:30 comes twice: done once


def test_an_interval_is_counted_from_its_beginning() -> None:
    since = datetime(2026, 11, 26, 12, 0, 0, 250_000, tzinfo=UTC)
    every = Every(3600, since)
    assert rule.latest(every, since + timedelta(minutes=59)) is None
    assert rule.following(every, since - timedelta(days=1)) == since + timedelta(hours=1)
    assert rule.latest(every, since + timedelta(hours=2)) == since + timedelta(hours=2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "five fields"),
        ("0 2 * *", "five fields"),
        ("0 0 2 * * *", "five fields"),
        ("0 2 1 * 1", "not both"),
        ("61 2 * * *", "is no time"),
        ("0 2 * * 7", "Sunday is 0"),
        ("0 2 30 2 *", "is no time"),
        ("0 2 L * *", "is no time"),
        ("x y z a b", "not both"),
        ("* * * * \x00", "is no time"),
    ],
)
def test_what_is_no_time_is_refused(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        rule.check(Cron(text, "UTC"))


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    when = Cron(text, "UTC")
    try:
        rule.check(when)
    except Refused:
        return
    assert rule.following(when, datetime(2026, 1, 1, tzinfo=UTC)) is not None


def test_other_bounds() -> None:
    with pytest.raises(Refused, match="no time zone “Mars/Olympus”"):
        rule.check(Cron("0 2 * * *", "Mars/Olympus"))
    for seconds in (0, -1, rule.LONGEST + 1):
        with pytest.raises(Refused, match="interval"):
            rule.check(Every(seconds, datetime.now(UTC)))


def test_what_is_due_is_said_in_words() -> None:
    said: dict[When, str] = {
        Cron("30 2 * * 1-5", "Europe/Berlin"): "at 02:30 on Monday through Friday, Europe/Berlin",
        Cron("* * * * *", "UTC"): "every minute, UTC",
        Every(86400, datetime.now(UTC)): "every day",
        Every(21600, datetime.now(UTC)): "every 6 hours",
        Every(90, datetime.now(UTC)): "every 90 seconds",
    }
    assert {when: rule.words(when) for when in said} == said
