"""Occurrences: the times a trader means, through clock changes, holidays and half days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.recurrence.occurrences import is_occurrence, jitter, occurrences
from ba2_trade_platform.core.recurrence.timings import Plan, describe, plan_problems, read_timing
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars

FIRST, LAST = date(2020, 1, 1), date(2029, 12, 31)
BEGIN = datetime(2019, 12, 30, tzinfo=UTC)
CALENDARS = ExchangeCalendars()
MINUTE = timedelta(minutes=1)


def plan(zone: str = "America/New_York", calendar: str | None = None, **timing: Any) -> Plan:
    """Return a plan of a timing as it is sent."""
    return Plan(read_timing(timing), zone, calendar, FIRST, LAST)


@pytest.mark.parametrize(
    ("zone", "day", "local", "means"),
    [
        ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00"),  # does not exist: 03:00
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30"),  # twice: the first
        ("Europe/Berlin", "2026-03-29", "02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30"),  # half an hour only: 02:30
        ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45"),
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00"),  # a day that never was: the next midnight
        ("Europe/Berlin", "2028-02-29", "09:00", "2028-02-29T08:00"),
        ("Europe/Berlin", "2026-12-31", "23:59", "2026-12-31T22:59"),
    ],
)
def test_a_local_time_on_a_day_of_change(zone: str, day: str, local: str, means: str) -> None:
    on = date.fromisoformat(day)
    wanted = Plan(read_timing({"kind": "times", "days": range(7), "times": [local]}), zone, None, on, on)
    assert list(occurrences(wanted, datetime(2011, 1, 1, tzinfo=UTC), CALENDARS)) == [
        datetime.fromisoformat(means).replace(tzinfo=UTC)
    ]


def test_half_days_and_holidays_of_new_york() -> None:
    offsets = [{"anchor": "open", "minutes": 15}, {"anchor": "close", "minutes": -10}]
    wanted = Plan(read_timing({"kind": "session", "offsets": offsets}), "America/New_York", "XNYS")
    found = islice(occurrences(wanted, datetime(2026, 11, 25, 12, tzinfo=UTC), CALENDARS), 5)
    assert [f"{each.astimezone(ZoneInfo('America/New_York')):%m-%d %H:%M}" for each in found] == [
        "11-25 09:45", "11-25 15:50", "11-27 09:45", "11-27 12:50", "11-30 09:45",
    ]  # fmt: skip


def test_times_come_strictly_later_wherever_one_begins() -> None:
    wanted = Plan(read_timing({"kind": "cron", "expression": "*/15 * * * *"}), "Australia/Lord_Howe")
    walked = list(islice(occurrences(wanted, datetime(2026, 4, 4, 12, tzinfo=UTC), CALENDARS), 40))
    assert walked == sorted(set(walked))
    for position, instant in enumerate(walked[:-1]):
        assert next(occurrences(wanted, instant, CALENDARS)) == walked[position + 1]
        assert is_occurrence(wanted, instant, CALENDARS)
        assert not is_occurrence(wanted, instant + MINUTE, CALENDARS)


def test_a_plan_that_never_comes_again_ends() -> None:
    leap = {"kind": "cron", "expression": "0 9 29 2 *"}
    over = Plan(read_timing(leap), "Europe/Berlin", None, None, date(2027, 1, 1))
    assert list(occurrences(over, datetime(2026, 1, 1, tzinfo=UTC), CALENDARS)) == []
    late = Plan(read_timing(leap), "Europe/Berlin", "XNYS")
    assert list(occurrences(late, datetime(2051, 1, 1, tzinfo=UTC), CALENDARS)) == []


def test_jitter_is_the_same_for_the_same_time_and_within_its_bound() -> None:
    delays = {jitter(1, BEGIN + number * MINUTE, 90) for number in range(500)}
    assert (min(delays), max(delays)) == (timedelta(0), timedelta(seconds=90))
    assert jitter(1, BEGIN, 90) == jitter(1, BEGIN, 90) != jitter(2, BEGIN, 90)
    assert jitter(1, BEGIN, 0) == timedelta(0)


@pytest.mark.parametrize(
    ("timing", "sentence"),
    [
        ({"kind": "times", "times": []}, "Give at least one time of day, for example 09:30"),
        ({"kind": "times", "times": ["9:30"]}, "9:30 is no time of day; write it as 09:30 or 15:45"),
        ({"kind": "times", "times": ["09:30"], "days": [7]}, "Days are numbers from 0 (Monday) to 6 (Sunday)"),
        ({"kind": "times", "times": ["09:30"], "day": [1]}, "day: Extra inputs are not permitted"),
        ({"kind": "cron", "expression": "0 0 31 2 *"}, "0 0 31 2 * is no cron line: Bad day-of-month"),
        ({"kind": "cron", "expression": "0 9 * *"}, "A cron line has five fields"),
        ({"kind": "cron", "expression": "*/5 * * * *"}, "comes more than 100 times a day"),
        ({"kind": "session", "offsets": []}, "Give at least one time, for example 15 min after open"),
        ({"kind": "session", "offsets": [{"anchor": "open", "minutes": 721}]}, "are too far from the session"),
        ({"kind": "hourly"}, "A timing's kind is times, cron or session"),
        ({}, "A timing's kind is times, cron or session"),
    ],
)
def test_a_timing_that_makes_no_sense_is_refused_in_a_sentence(timing: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_timing(timing)
    assert sentence in str(refused.value)


def test_plans_are_said_in_words_and_stored_as_they_are() -> None:
    morning = {"kind": "times", "days": [0, 1, 2, 3, 4], "times": ["09:30", "15:45"]}
    assert describe(Plan(read_timing(morning), "Europe/Berlin", "XNYS", FIRST, LAST)) == (
        "Mon-Fri at 09:30 and 15:45, Europe/Berlin; not on days without an XNYS session; from 2020-01-01; "
        "until 2029-12-31"
    )
    offsets = {
        "kind": "session",
        "days": [4],
        "offsets": [{"anchor": "open", "minutes": 0}, {"anchor": "close", "minutes": -10}],
    }
    assert describe(Plan(read_timing(offsets), "Europe/Berlin", "XNYS")) == (
        "at the open and 10 min before close of each XNYS session on Fri"
    )
    assert read_timing(morning).model_dump(mode="json") == morning
    assert plan_problems(Plan(read_timing(offsets), "Nowhere", None, LAST, FIRST)) == [
        "There is no time zone Nowhere; for example Europe/Berlin",
        "Times from open and close need an exchange calendar, for example XNYS",
        "It ends on 2020-01-01, before it starts on 2029-12-31",
    ]


def test_an_unknown_calendar_is_refused() -> None:
    assert {"XNYS", "XLON", "XTKS"} <= set(CALENDARS.names())
    with pytest.raises(Invalid, match="There is no exchange calendar 'NOPE'"):
        CALENDARS.sessions("NOPE", FIRST, LAST)
