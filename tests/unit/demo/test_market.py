"""The demo market: each trap that its README names, as a test."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.vocabulary import ErrorCode

SPLIT_OPEN = datetime(2014, 6, 9, 13, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def market() -> DemoMarket:
    return DemoMarket()


def test_its_clock_stands_at_the_last_close_of_2014(market: DemoMarket) -> None:
    assert market.clock.now() == datetime(2014, 12, 31, 21, 0, tzinfo=UTC)
    assert market.clock.now() == market.instant_of(date(2014, 12, 31))


def test_it_lists_nine_named_instruments(market: DemoMarket) -> None:
    infos = market.instruments()
    assert [info.symbol for info in infos] == ["AAPL", "AMD", "CERN", "COST", "DELL", "GPS", "INTC", "MMM", "MSFT"]
    assert {(info.calendar, info.currency) for info in infos} == {("XNYS", "USD")}
    assert market.instrument("MSFT").name == "Microsoft Corporation"


def test_the_listed_first_and_last_sessions_are_those_of_the_bars(market: DemoMarket) -> None:
    for info in market.instruments():
        sessions = market.bars(info.symbol, market.clock.now()).sessions
        assert (sessions[0], sessions[-1]) == (info.first_session, info.last_session)


def test_no_bundled_bar_is_lost_but_those_of_closed_days(market: DemoMarket) -> None:
    counts = {info.symbol: len(market.bars(info.symbol, market.clock.now())) for info in market.instruments()}
    assert counts.pop("DELL") == 2494 - 20
    assert set(counts.values()) == {2769}


def test_dell_has_no_bar_on_a_day_the_exchange_was_closed(market: DemoMarket) -> None:
    bars = market.bars("DELL", market.clock.now())
    assert not {date(2011, 11, 24), date(2012, 7, 4), date(2012, 10, 29)} & set(bars.sessions)
    assert (bars.volume > 0).all()


def test_dell_is_stale_after_it_was_taken_private(market: DemoMarket) -> None:
    assert market.bars("DELL", datetime(2013, 11, 1, 20, 0, tzinfo=UTC)).require().sessions_missing == 3
    bars = market.bars("DELL", market.clock.now())
    with pytest.raises(ExpertError, match="DELL has no bar since 2013-10-29: 295 sessions are missing") as caught:
        bars.require()
    assert caught.value.code is ErrorCode.STALE_DATA


def test_the_other_eight_are_fresh_and_long_enough(market: DemoMarket) -> None:
    for info in market.instruments():
        if info.symbol != "DELL":
            assert market.bars(info.symbol, market.clock.now()).require().sessions_missing == 0


def test_apple_falls_by_seven_only_in_unadjusted_prices(market: DemoMarket) -> None:
    before = market.bars("AAPL", datetime(2014, 6, 9, 13, 29, 59, tzinfo=UTC))
    after = market.bars("AAPL", SPLIT_OPEN)
    assert before.close[-1] == pytest.approx(645.57)
    assert after.close[-1] == pytest.approx(645.57 / 7)
    assert after.volume[-1] == pytest.approx(87_484_600 * 7)


def test_adjusted_series_have_no_split_sized_jump(market: DemoMarket) -> None:
    for symbol in ("AAPL", "CERN"):
        close = market.bars(symbol, market.clock.now()).close
        assert np.abs(np.diff(np.log(close))).max() < np.log(1.3)


def test_early_apple_is_adjusted_for_both_splits(market: DemoMarket) -> None:
    first = market.bars("AAPL", market.clock.now()).close[0]
    assert first == pytest.approx(21.28 / 14)


def test_apple_dividends_run_on_over_its_split(market: DemoMarket) -> None:
    before = market.dividends("AAPL", datetime(2014, 6, 9, 13, 29, 59, tzinfo=UTC))
    after = market.dividends("AAPL", market.clock.now())
    assert before[-1].amount == pytest.approx(3.29)
    assert [dividend.amount for dividend in after[-3:]] == pytest.approx([0.47, 0.47, 0.47])
    assert all(0.3 < dividend.amount < 0.5 for dividend in after)


def test_a_dividend_is_not_known_before_its_ex_date(market: DemoMarket) -> None:
    assert market.dividends("AAPL", datetime(2012, 8, 9, 13, 29, tzinfo=UTC)) == ()
    assert len(market.dividends("AAPL", datetime(2012, 8, 9, 13, 30, tzinfo=UTC))) == 1


def test_dividends_of_an_unknown_symbol_are_refused(market: DemoMarket) -> None:
    with pytest.raises(ExpertError, match="Unknown symbol APPL; the nearest known: AAPL"):
        market.dividends("APPL", market.clock.now())
