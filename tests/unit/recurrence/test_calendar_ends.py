"""Occurrences at the end of a calendar: known days are planned, and then the end is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.recurrence.occurrences import closed_days, occurrences
from ba2_trade_platform.core.recurrence.timings import Plan, read_timing
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars

CALENDARS = ExchangeCalendars()
SESSION = {"kind": "session", "offsets": [{"anchor": "open", "minutes": 15}]}
TIMES = {"kind": "times", "days": [0, 1, 2, 3, 4], "times": ["16:00"]}
CRON = {"kind": "cron", "expression": "0 16 * * 1-5"}
LATE_2026 = datetime(2026, 12, 30, 12, tzinfo=UTC)
LAST_OPEN = datetime(2026, 12, 31, 4, tzinfo=UTC)  # 09:30 in Mumbai, a quarter of an hour after the open
MUMBAI = "Asia/Kolkata"


def plan(timing: dict[str, object], calendar: str | None = "XBOM", **given: date) -> Plan:
    return Plan(read_timing(timing), MUMBAI, calendar, **given)


@pytest.mark.parametrize(
    ("timing", "times", "at"),
    [
        (SESSION, [LAST_OPEN], datetime(2027, 1, 1, 4, tzinfo=UTC)),
        (TIMES, [datetime(2026, 12, 31, 10, 30, tzinfo=UTC)], datetime(2027, 1, 1, 10, 30, tzinfo=UTC)),
        (CRON, [datetime(2026, 12, 31, 10, 30, tzinfo=UTC)], datetime(2027, 1, 1, 10, 30, tzinfo=UTC)),
        ({**TIMES, "days": [0]}, [], datetime(2027, 1, 4, 10, 30, tzinfo=UTC)),
        ({**SESSION, "days": [5, 6]}, [], datetime(2027, 1, 2, 4, tzinfo=UTC)),
    ],
)
def test_after_the_last_known_time_the_end_is_said(
    timing: dict[str, object], times: list[datetime], at: datetime
) -> None:
    coming = occurrences(plan(timing), LATE_2026, CALENDARS)
    assert list(coming) == times
    assert coming.ends is not None
    assert coming.ends.at == at
    assert coming.ends.sentence.startswith("The XBOM calendar ends on 2026-12-31")


@pytest.mark.parametrize("timing", [SESSION, TIMES, CRON])
@pytest.mark.parametrize("calendar", ["XSES", "XSHG"])
def test_other_calendars_end_likewise(timing: dict[str, object], calendar: str) -> None:
    coming = occurrences(plan(timing, calendar), LATE_2026, CALENDARS)
    assert len(list(coming)) == 1
    assert coming.ends is not None
    assert coming.ends.at.date() == date(2027, 1, 1)


@pytest.mark.parametrize("timing", [SESSION, TIMES, CRON])
def test_a_plan_that_is_over_by_then_has_just_ended(timing: dict[str, object]) -> None:
    coming = occurrences(plan(timing, ends_on=date(2026, 12, 31)), LATE_2026, CALENDARS)
    assert (len(list(coming)), coming.ends) == (1, None)
    weekend = occurrences(plan(timing, starts_on=date(2027, 1, 2), ends_on=date(2027, 1, 3)), LATE_2026, CALENDARS)
    assert (list(weekend), weekend.ends) == ([], None)


@pytest.mark.parametrize("timing", [SESSION, TIMES, CRON])
@pytest.mark.parametrize(
    ("calendar", "day"),
    [
        ("XBOM", date(2027, 1, 29)),
        ("XSAU", date(2030, 2, 1)),
        ("XNYS", date(2051, 3, 1)),
        ("XNYS", date(2099, 12, 31)),
        ("XBOM", date(2099, 12, 31)),
    ],
)
def test_a_plan_that_begins_after_the_end_is_not_said_never_to_come(
    timing: dict[str, object], calendar: str, day: date
) -> None:
    coming = occurrences(plan(timing, calendar, starts_on=day), LATE_2026, CALENDARS)
    assert list(coming) == []
    assert coming.ends is not None
    assert coming.ends.sentence.startswith(f"The {calendar} calendar ")
    assert date(2000, 1, 1) + (coming.ends.at.date() - day) < date(2000, 1, 5)


def test_a_question_that_ends_before_does_not_meet_the_end() -> None:
    coming = occurrences(plan(TIMES), LATE_2026, CALENDARS, until=datetime(2027, 1, 1, tzinfo=UTC))
    assert (len(list(coming)), coming.ends) == (1, None)


def test_what_never_comes_is_not_blamed_on_the_end_of_all_calendars() -> None:
    saturdays = occurrences(plan({**TIMES, "days": [5]}, "XNYS"), LATE_2026, CALENDARS)
    assert (list(saturdays), saturdays.ends) == ([], None)


def test_a_time_in_another_zone_belongs_to_its_own_day() -> None:
    """At 20:00 in New York on 31 December it is 2027 in Mumbai, and yet the local day is known."""
    coming = occurrences(
        Plan(read_timing({**TIMES, "times": ["20:00"]}), "America/New_York", "XBOM"), LATE_2026, CALENDARS
    )
    assert list(coming)[-1] == datetime(2027, 1, 1, 1, tzinfo=UTC)
    assert coming.ends is not None
    assert coming.ends.at == datetime(2027, 1, 2, 1, tzinfo=UTC)


def test_days_after_the_end_are_not_called_closed() -> None:
    assert closed_days(plan(TIMES), date(2026, 12, 25), date(2027, 1, 10), CALENDARS) == [
        date(2026, 12, day) for day in (25, 26, 27)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([SESSION, TIMES, CRON]),
    st.integers(0, 365 * 86_400).map(lambda seconds: datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
)
def test_wherever_one_asks_from_times_ascend_and_the_end_comes_last(timing: dict[str, object], after: datetime) -> None:
    coming = occurrences(plan(timing), after, CALENDARS)
    times = list(islice(coming, 500))
    assert times == sorted(set(times))
    assert coming.ends is not None
    assert coming.ends.at > max([after, *times])
    assert coming.ends.at - max(after, LAST_OPEN) < timedelta(days=5)
