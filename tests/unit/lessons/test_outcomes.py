"""Outcomes: a decision is right or wrong by its later prices, on a handful of made-up bars."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import InstrumentInfo
from ba2_trade_platform.core.lessons.outcomes import Decision, Horizons, OutcomeOf, judge, reflection
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.prices.series import RawBars, Series
from ba2_trade_platform.vocabulary import MetFirst, Signal, TimeHorizon
from tests.fakes.prices import OneSeries

AS_OF = datetime(2013, 7, 1, 20, tzinfo=UTC)
BUY = Decision("ACME", Signal.BUY, 80, 5, Decimal(110), Decimal(95), TimeHorizon.SHORT, AS_OF)


def outcome(decision: Decision, *closes: float, spread: float = 1) -> OutcomeOf:
    """Return what became of a decision at 100 whose ten sessions closed like this, the last one repeated."""
    close = np.array([100.0, *closes, *[closes[-1]] * (10 - len(closes))])
    days = session_calendar("XNYS").days
    first = int(np.searchsorted(days, np.datetime64("2013-07-01")))
    raw = RawBars(days[first : first + 11], close, close + spread, close - spread, close, np.ones(11))
    info = InstrumentInfo("ACME", "Acme", "XNYS", "USD", "XNYS")
    prices = OneSeries(Series(info, session_calendar("XNYS"), raw, (), ()))
    known_at = Horizons(prices, datetime(2014, 1, 1, tzinfo=UTC)).close_of(decision)
    assert known_at == datetime(2013, 7, 16, 20, tzinfo=UTC)  # the 4th of July is no session
    return judge(decision, known_at, prices)


def test_a_target_that_is_touched_first_makes_it_right_whatever_comes_after() -> None:
    judged = outcome(BUY, 105, 109.5, 90)
    assert (judged.met_first, judged.was_right, judged.return_percent) == (MetFirst.TARGET, True, -10)
    assert "Its target was met first, on 2013-07-03." in reflection(BUY, judged)


def test_a_stop_that_is_touched_first_makes_it_wrong_and_a_day_that_touches_both_counts_as_the_stop() -> None:
    judged = outcome(BUY, 96, 120)
    assert (judged.met_first, judged.was_right) == (MetFirst.STOP, False)
    assert reflection(BUY, judged).endswith("The direction was right in the end, but the stop was too near.")
    assert outcome(BUY, 100, spread=12).met_first is MetFirst.STOP


def test_a_sell_is_right_when_the_price_falls() -> None:
    sell = replace(BUY, action=Signal.SELL, target_price=Decimal(90), stop_price=Decimal(105))
    assert outcome(sell, 95, 89).met_first is MetFirst.TARGET
    assert outcome(sell, 104).was_right is False
    bare = replace(sell, target_price=None, stop_price=None)
    assert outcome(bare, 99).was_right
    assert reflection(bare, outcome(bare, 103)).endswith("The confidence was too high for such a situation.")


def test_without_target_and_stop_the_close_of_the_horizon_decides() -> None:
    bare = replace(BUY, target_price=None, stop_price=None)
    judged = outcome(bare, 90, 112, 103)
    assert (judged.was_right, judged.return_percent) == (True, 3)
    assert (judged.rise_percent, judged.fall_percent) == (13, -11)
    assert (judged.price_then, judged.price_after) == (100, 103)


@pytest.mark.parametrize(("close", "right"), [(101.9, True), (98.1, True), (102.1, False), (97.9, False)])
def test_a_hold_is_right_while_the_price_stays_near(close: float, right: bool) -> None:
    judged = outcome(replace(BUY, action=Signal.HOLD), 120, close)
    assert (judged.was_right, judged.met_first) == (right, None)


def test_prices_on_the_wrong_side_are_not_met_before_anything_moved() -> None:
    odd = replace(BUY, target_price=Decimal(90), stop_price=Decimal(120))
    assert outcome(odd, 101).met_first is None


def test_a_horizon_that_lies_ahead_or_before_the_first_bar_has_no_close() -> None:
    decision = replace(BUY, symbol="AAPL", time_horizon=TimeHorizon.LONG)
    market = DemoMarket()
    horizons = Horizons(market, market.clock.now())
    assert horizons.close_of(decision) == datetime(2014, 7, 1, 20, tzinfo=UTC)
    assert horizons.close_of(replace(decision, as_of=datetime(2014, 7, 1, 20, tzinfo=UTC))) is None
    assert horizons.close_of(replace(decision, as_of=datetime(2003, 7, 1, 20, tzinfo=UTC))) is None
