"""Fetched prices and calendars: bars without a session wait for an extra one, and an end is no freshness."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.prices.cache import PriceCache
from ba2_trade_platform.market.prices.history import LONG_GONE, LOOK_AGAIN, SETTLES, Fetched, History, settled
from ba2_trade_platform.market.prices.series import RawBars
from ba2_trade_platform.vocabulary import ErrorCode
from tests.price_folders import BUDGET_SUNDAY, sessions_of

SUNDAY_CLOSE = datetime(2026, 2, 1, 10, tzinfo=UTC)
MIDNIGHT = datetime(2026, 2, 1, 18, 30, tzinfo=UTC)


def fetched(days: list[date], calendar: str = "XBOM") -> Fetched:
    close = np.arange(100.0, 100.0 + len(days))
    raw = RawBars(
        np.array(days, dtype="datetime64[D]"), close, close + 2, close - 1, close + 1, np.full(len(days), 10.0)
    )
    return Fetched(raw, (), "Acme", calendar, "INR", calendar)


def history(days: list[date], at: datetime, calendars: DeskCalendars | None = None) -> History:
    return History("ACME", "ACME.NS", at, fetched(days), calendars or DeskCalendars())


def test_a_bar_without_a_session_is_kept_once_its_day_is_over() -> None:
    calendar, answer = DeskCalendars().get("XBOM"), fetched([date(2026, 1, 30), BUDGET_SUNDAY])
    kept = [
        settled(answer, at, calendar).raw.days.tolist()
        for at in (SUNDAY_CLOSE + timedelta(hours=1), MIDNIGHT, MIDNIGHT + SETTLES)
    ]
    assert kept == [[date(2026, 1, 30)], [date(2026, 1, 30)], [date(2026, 1, 30), BUDGET_SUNDAY]]


def test_what_was_fetched_before_is_used_when_the_session_is_added(tmp_path: Path) -> None:
    file = tmp_path / "calendar_days.csv"
    calendars = DeskCalendars(file)
    days = sorted([*sessions_of("XBOM", until=date(2026, 2, 20))[-320:], BUDGET_SUNDAY])
    cache = PriceCache(tmp_path / "prices", calendars)
    cache.write(history(days, datetime(2026, 2, 21, tzinfo=UTC), calendars))
    kept = cache.read("ACME")
    assert kept is not None
    as_of = datetime(2026, 2, 20, 12, tzinfo=UTC)
    assert kept.series is kept.series
    assert kept.series.bars_at(as_of).left_out == (BUDGET_SUNDAY,)
    file.write_text("calendar,kind,first\nXBOM,extra_session,2026-02-01\n")
    assert BUDGET_SUNDAY in kept.series.bars_at(as_of).sessions
    assert kept.series.bars_at(SUNDAY_CLOSE - timedelta(seconds=1)).sessions[-1] == date(2026, 1, 30)


def test_a_provider_is_asked_once_a_day_for_prices_after_the_end() -> None:
    at = datetime(2027, 2, 1, tzinfo=UTC)
    kept = history(sessions_of("XBOM", until=date(2026, 12, 31))[-320:], at)
    assert kept.is_fresh(at + LOOK_AGAIN, at + LOOK_AGAIN)
    assert not kept.is_fresh(at + LONG_GONE, at + LONG_GONE)
    with pytest.raises(ExpertError) as caught:
        kept.series.bars_at(at).require()
    assert caught.value.code is ErrorCode.CALENDAR_ENDS
    assert kept.is_fresh(datetime(2026, 12, 31, 12, tzinfo=UTC), at)


def test_rows_after_the_end_are_kept_for_a_calendar_that_reaches_further(tmp_path: Path) -> None:
    file = tmp_path / "calendar_days.csv"
    calendars, at = DeskCalendars(file), datetime(2027, 1, 5, tzinfo=UTC)
    days = [*sessions_of("XBOM", until=date(2026, 12, 31))[-320:], date(2027, 1, 1), date(2027, 1, 4)]
    answer = settled(fetched(days), at, calendars.get("XBOM"))
    assert answer.raw.days.tolist() == days
    kept = History("ACME", "ACME.NS", at, answer, calendars)
    assert kept.series.bars_at(at).sessions[-1] == date(2026, 12, 31)
    file.write_text("calendar,kind,first,last\nXBOM,extra_session,2027-01-01,2027-01-29\n")
    assert kept.series.bars_at(at).require().sessions[-1] == date(2027, 1, 4)
