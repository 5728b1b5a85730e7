"""Sessions of an exchange: whole and half days, and times outside the calendar."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.calendars.sessions import SessionCalendar, instant, microseconds, session_calendar
from ba2_trade_platform.vocabulary import ErrorCode

EASTERN = timezone(timedelta(hours=-5))


@pytest.fixture(scope="module")
def xnys() -> SessionCalendar:
    return session_calendar("XNYS")


def test_it_reaches_back_past_the_twenty_years_of_the_default(xnys: SessionCalendar) -> None:
    assert xnys.close_on_or_before(date(2004, 1, 2)) == datetime(2004, 1, 2, 21, 0, tzinfo=UTC)
    assert xnys.days[0].item() < date(1971, 1, 1)
    assert xnys.days[-1].item() > date(2050, 1, 1)


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2014, 12, 31), True),
        (date(2014, 12, 25), False),
        (date(2014, 12, 27), False),
        (date(2012, 10, 29), False),  # hurricane Sandy
        (date(2010, 11, 26), True),
        (date(1970, 1, 1), False),
        (date(1970, 1, 2), True),
        (date(1950, 1, 3), False),
        (date.max, False),
        (date.min, False),
    ],
)
def test_it_knows_which_days_are_sessions(xnys: SessionCalendar, day: date, open_: bool) -> None:
    assert bool(np.isin(np.datetime64(day, "D"), xnys.days)) is open_


def test_a_half_day_closes_at_one_in_new_york(xnys: SessionCalendar) -> None:
    assert xnys.open_on_or_after(date(2010, 11, 26)) == datetime(2010, 11, 26, 14, 30, tzinfo=UTC)
    assert xnys.close_on_or_before(date(2010, 11, 26)) == datetime(2010, 11, 26, 18, 0, tzinfo=UTC)


def test_daylight_saving_moves_the_utc_close(xnys: SessionCalendar) -> None:
    assert xnys.close_on_or_before(date(2014, 3, 7)).hour == 21
    assert xnys.close_on_or_before(date(2014, 3, 10)).hour == 20


def test_a_day_without_a_session_has_the_close_before_it_and_the_open_after_it(xnys: SessionCalendar) -> None:
    christmas = date(2014, 12, 25)
    assert xnys.close_on_or_before(christmas) == datetime(2014, 12, 24, 18, 0, tzinfo=UTC)
    assert xnys.open_on_or_after(christmas) == datetime(2014, 12, 26, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "close"),
    [
        (datetime(2014, 12, 31, 21, 0, tzinfo=UTC), datetime(2014, 12, 31, 21, 0, tzinfo=UTC)),
        (datetime(2014, 12, 31, 20, 59, 59, 999999, tzinfo=UTC), datetime(2014, 12, 30, 21, 0, tzinfo=UTC)),
        (datetime(2014, 12, 31, 16, 0, tzinfo=EASTERN), datetime(2014, 12, 31, 21, 0, tzinfo=UTC)),
        (datetime(2014, 12, 28, tzinfo=UTC), datetime(2014, 12, 26, 21, 0, tzinfo=UTC)),
    ],
)
def test_the_last_close_is_never_after_the_instant(xnys: SessionCalendar, until: datetime, close: datetime) -> None:
    assert instant(xnys.closes[xnys.closed_count(until) - 1]) == close


def test_before_the_first_session_nothing_has_closed(xnys: SessionCalendar) -> None:
    assert xnys.closed_count(datetime.min.replace(tzinfo=UTC)) == 0


def test_sessions_closed_since_a_day_are_counted_without_that_day(xnys: SessionCalendar) -> None:
    christmas_eve = date(2014, 12, 24)
    assert xnys.closed_between(christmas_eve, datetime(2014, 12, 26, 20, 59, tzinfo=UTC)) == 0
    assert xnys.closed_between(christmas_eve, datetime(2014, 12, 26, 21, 0, tzinfo=UTC)) == 1
    assert xnys.closed_between(christmas_eve, datetime(2014, 12, 31, 21, 0, tzinfo=UTC)) == 4
    assert xnys.closed_between(christmas_eve, datetime(2014, 12, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize("day", [date(2051, 1, 1), date(2099, 7, 4), date.max])
def test_a_day_after_what_is_computed_is_after_the_calendars_end(xnys: SessionCalendar, day: date) -> None:
    with pytest.raises(ExpertError, match=r"computed until 2050-12-31: .* update the console") as caught:
        xnys.close_on_or_before(day)
    assert caught.value.code is ErrorCode.CALENDAR_ENDS


@pytest.mark.parametrize("day", [date.min, date(1969, 12, 31), date(1970, 1, 1)])
def test_a_day_before_the_calendar_is_refused_with_its_bounds(xnys: SessionCalendar, day: date) -> None:
    with pytest.raises(ExpertError, match=f"{day} lies outside the XNYS calendar, which knows 1970-01-02 to") as caught:
        xnys.close_on_or_before(day)
    assert caught.value.code is ErrorCode.BAD_REQUEST


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        microseconds(datetime(2014, 1, 1))  # noqa: DTZ001 - the mistake under test


def test_instants_survive_the_way_to_microseconds_and_back() -> None:
    for moment in (datetime(1970, 1, 2, 15, 0, 0, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert instant(microseconds(moment)) == moment


def test_an_exchange_with_short_records_covers_what_is_recorded() -> None:
    shanghai = session_calendar("XSHG")
    assert np.datetime64("2014-12-31") in shanghai.days
    assert np.datetime64("2014-10-01") not in shanghai.days


@pytest.mark.parametrize("name", ["XNOPE", "", "../XNYS"])
def test_an_unknown_calendar_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"There is no exchange calendar '{name}'"):
        session_calendar(name)


def test_a_calendar_is_built_once() -> None:
    assert session_calendar("XNYS") is session_calendar("XNYS")
