"""A price series: one symbol's history as known at an instant, on a handful of made-up bars."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ba2_trade_platform.market.prices.series import Dividend, Split
from tests.fakes.prices import DAYS, series

END = datetime(2013, 7, 5, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_bar_appears_at_its_close_and_not_a_second_earlier() -> None:
    half_day_close = datetime(2013, 7, 3, 17, 0, tzinfo=UTC)
    assert series().bars_at(half_day_close - SECOND).sessions[-1] == date(2013, 7, 2)
    assert series().bars_at(half_day_close).sessions[-1] == date(2013, 7, 3)


def test_a_row_on_a_closed_day_is_dropped() -> None:
    assert series().bars_at(END).sessions == tuple(date.fromisoformat(day) for day in DAYS if day != "2013-07-04")
    assert len(series()) == 4


def test_a_split_is_applied_from_the_open_of_its_session() -> None:
    split = series(Split(date(2013, 7, 5), 0.5))
    opened = datetime(2013, 7, 5, 13, 30, tzinfo=UTC)
    before, after = split.bars_at(opened - SECOND), split.bars_at(opened)
    assert before.close.tolist() == [100.0, 110.0, 120.0]
    assert after.close.tolist() == [50.0, 55.0, 60.0]
    assert after.open.tolist() == [49.5, 54.5, 59.5]
    assert after.high.tolist() == [51.0, 56.0, 61.0]
    assert after.low.tolist() == [49.0, 54.0, 59.0]
    assert after.volume.tolist() == [2000.0, 2000.0, 2000.0]


def test_a_split_dated_on_a_closed_day_is_known_at_the_next_open() -> None:
    split = series(Split(date(2013, 7, 4), 0.5))
    assert split.bars_at(datetime(2013, 7, 4, 20, 0, tzinfo=UTC)).close.tolist() == [100.0, 110.0, 120.0]
    assert split.bars_at(datetime(2013, 7, 5, 13, 30, tzinfo=UTC)).close.tolist() == [50.0, 55.0, 60.0]


def test_splits_compound_in_any_order() -> None:
    bars = series(Split(date(2013, 7, 5), 0.5), Split(date(2013, 7, 2), 0.25)).bars_at(END)
    assert bars.close.tolist() == [12.5, 55.0, 60.0, 60.0]
    assert bars.volume.tolist() == [8000.0, 2000.0, 2000.0, 2000.0]


def test_a_limit_takes_the_newest_bars_and_leaves_their_values() -> None:
    split = series(Split(date(2013, 7, 5), 0.5))
    assert split.bars_at(END, 2).close.tolist() == split.bars_at(END).close[-2:].tolist()
    assert split.bars_at(END, 2).sessions == (date(2013, 7, 3), date(2013, 7, 5))
    assert len(split.bars_at(END, 0)) == 0
    assert len(split.bars_at(END, 1000)) == 4


def test_a_limit_beyond_what_is_visible_gives_all_that_is_visible() -> None:
    assert series().bars_at(datetime(2013, 7, 2, 20, 0, tzinfo=UTC), 4).close.tolist() == [100.0, 110.0]


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 bars cannot be asked for"):
        series().bars_at(END, -1)


def test_missing_sessions_are_counted_up_to_the_instant() -> None:
    assert series().bars_at(END).sessions_missing == 0
    assert series().bars_at(datetime(2013, 7, 8, 20, 0, tzinfo=UTC)).sessions_missing == 1
    assert series().bars_at(datetime(2013, 7, 7, tzinfo=UTC)).sessions_missing == 0


def test_before_the_first_bar_there_is_nothing_and_nothing_is_missing() -> None:
    bars = series().bars_at(datetime(2013, 7, 1, 19, 0, tzinfo=UTC))
    assert len(bars) == 0
    assert bars.sessions_missing == 0


def test_the_arrays_hold_no_reference_to_later_bars_and_may_be_written_to() -> None:
    whole = series()
    bars = whole.bars_at(datetime(2013, 7, 2, 20, 0, tzinfo=UTC))
    for column in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        assert column.base is None
        column[:] = 0.0
    assert whole.bars_at(END).close.tolist() == [100.0, 110.0, 120.0, 60.0]


def test_a_dividend_is_known_at_the_open_of_its_ex_date_and_shrinks_with_a_later_split() -> None:
    paying = series(Split(date(2013, 7, 5), 0.5), dividends=(Dividend(date(2013, 7, 2), 1.0),))
    opened = datetime(2013, 7, 2, 13, 30, tzinfo=UTC)
    assert paying.dividends_at(opened - SECOND) == ()
    assert paying.dividends_at(opened) == (Dividend(date(2013, 7, 2), 1.0),)
    assert paying.dividends_at(END) == (Dividend(date(2013, 7, 2), 0.5),)
