"""Occurrences of ten years against plain walks: through every minute, and through the exchanges' own sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.recurrence.occurrences import closed_days, occurrences
from ba2_trade_platform.core.recurrence.timings import Plan, read_timing
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars

FIRST, LAST = date(2020, 1, 1), date(2029, 12, 31)
BEGIN, END = datetime(2019, 12, 30, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Australia/Sydney", "UTC")
CALENDARS = ExchangeCalendars()
MINUTE = timedelta(minutes=1)
thorough = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
clock_times = st.builds(time, st.sampled_from((0, 1, 2, 3, 9, 23)), st.sampled_from((0, 1, 15, 29, 30, 45, 59)))


def plan(zone: str = "America/New_York", calendar: str | None = None, **timing: Any) -> Plan:
    """Return a plan of a timing as it is sent."""
    return Plan(read_timing(timing), zone, calendar, FIRST, LAST)


def planned(wanted: Plan) -> list[datetime]:
    """Return its times of ten years."""
    return list(occurrences(wanted, BEGIN, CALENDARS, until=END))


@cache
def minutes_of(zone: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Return every minute of a local day as (local, UTC), found by walking through UTC minute by minute."""
    here = ZoneInfo(zone)
    start = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    walked = ((start + number * MINUTE) for number in range(46 * 60))
    local = ((instant.astimezone(here).replace(tzinfo=None), instant) for instant in walked)
    return tuple((wall, instant) for wall, instant in local if wall.date() == day)


@cache
def offset_of(zone: str, day: date) -> timedelta | None:
    """Return how far from UTC a whole local day is, None when that changes in it."""
    here = ZoneInfo(zone)
    offsets = {datetime.combine(day, hour, here).utcoffset() for hour in (time(0), time(12), time(23, 59))}
    return offsets.pop() if len(offsets) == 1 else None


def by_walking(zone: str, day: date, wanted: time) -> datetime:
    """Return what a local time means: the first such minute, or the first later one where it does not exist."""
    offset = offset_of(zone, day)
    if offset is not None:  # no change on this day: plain arithmetic, as nobody disputes
        return datetime.combine(day, wanted, UTC) - offset
    walked = minutes_of(zone, day)
    return next(instant for wall, instant in walked if wall.time() >= wanted and not _seen(walked, wall, instant))


def _seen(walked: Sequence[tuple[datetime, datetime]], wall: datetime, instant: datetime) -> bool:
    return any(other == wall and earlier < instant for other, earlier in walked)


@cache
def days() -> tuple[date, ...]:
    """Return every day of ten years."""
    return tuple(FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1))


@cache
def hours(calendar: str) -> tuple[list[datetime], list[datetime]]:
    """Return when an exchange opened and closed, from exchange_calendars itself."""
    own = sessions(calendar)
    return [each.to_pydatetime() for each in own["open"]], [each.to_pydatetime() for each in own["close"]]


@cache
def sessions(calendar: str) -> Any:
    """Return the schedule of an exchange, from exchange_calendars itself."""
    return exchange_calendars.get_calendar(calendar, start="2019-06-01", end="2030-06-01").schedule.loc[
        str(FIRST) : str(LAST)
    ]


@thorough
@given(
    zone=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    times=st.sets(clock_times, min_size=1, max_size=4),
)
def test_local_times_of_ten_years_equal_a_walk_through_every_minute(
    zone: str, weekdays: set[int], times: set[time]
) -> None:
    wanted = plan(zone, kind="times", days=sorted(weekdays), times=[f"{each:%H:%M}" for each in times])
    walked = {by_walking(zone, day, each) for day in days() if day.weekday() in weekdays for each in times}
    assert planned(wanted) == sorted(walked)


@thorough
@given(
    zone=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
    minutes=st.sets(st.sampled_from((0, 15, 30, 59)), min_size=1, max_size=2),
)
def test_a_cron_line_of_ten_years_equals_the_same_walk(
    zone: str, weekdays: set[int], hours: set[int], minutes: set[int]
) -> None:
    line = f"{_list(minutes)} {_list(hours)} * * {_list({(day + 1) % 7 for day in weekdays})}"
    walked = {
        by_walking(zone, day, time(hour, minute))
        for day in days()
        if day.weekday() in weekdays
        for hour in hours
        for minute in minutes
    }
    assert planned(plan(zone, kind="cron", expression=line)) == sorted(walked)


def _list(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


@pytest.mark.parametrize("calendar", ["XNYS", "XLON", "XTKS"])
@thorough
@given(after=st.integers(-60, 180), before=st.integers(-60, 180))
def test_offsets_of_ten_years_equal_the_exchange_s_own_sessions(calendar: str, after: int, before: int) -> None:
    wanted = plan(
        "UTC",
        calendar,
        kind="session",
        offsets=[{"anchor": "open", "minutes": after}, {"anchor": "close", "minutes": -before}],
    )
    opened, closed = hours(calendar)
    opens = {each + after * MINUTE for each in opened}
    closes = {each - before * MINUTE for each in closed}
    assert planned(wanted) == sorted(opens | closes)


@pytest.mark.parametrize(("calendar", "zone"), [("XNYS", "America/New_York"), ("XTKS", "Asia/Tokyo")])
def test_local_times_leave_out_every_day_without_a_session(calendar: str, zone: str) -> None:
    wanted = plan(zone, calendar, kind="times", days=list(range(7)), times=["12:00"])
    open_days = [each.date() for each in sessions(calendar).index]
    assert [each.astimezone(ZoneInfo(zone)).date() for each in planned(wanted)] == open_days
    assert sorted([*open_days, *closed_days(wanted, FIRST, LAST, CALENDARS)]) == [*days()]
