"""Recorded answers: price providers in their documented formats; see tests/fakes/recorded/README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import Bars, ExpertError
from ba2_trade_platform.market.prices.live import LivePrices
from ba2_trade_platform.market.providers.yahoo import read_chart
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import StandingClock
from tests.fakes.price_server import Market, price_server
from tests.markets import live_prices
from tests.places import ROOT

RECORDED = ROOT / "tests" / "fakes" / "recorded"
AFTER = datetime(2020, 9, 1, 22, tzinfo=UTC)
BEFORE_SPLIT = datetime(2020, 8, 28, 22, tzinfo=UTC)


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


@pytest.fixture(params=["yahoo", "alpaca"])
def prices(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LivePrices]:
    market = Market(
        recorded={
            "/v8/finance/chart/AAPL": recorded("yahoo_chart"),
            "/v2/stocks/bars": recorded("alpaca_bars"),
            "/v1/corporate-actions": recorded("alpaca_corporate_actions"),
        }
    )
    with price_server(market) as url:
        yield live_prices(request.param, url, tmp_path, clock=StandingClock(AFTER))


def close_on(bars: Bars, day: date) -> float:
    return float(bars.close[bars.sessions.index(day)])


def test_a_split_in_the_middle_is_seen_from_its_day_on(prices: LivePrices) -> None:
    before, after = prices.bars("AAPL", BEFORE_SPLIT), prices.bars("AAPL", AFTER)
    assert close_on(before, date(2020, 8, 27)) == pytest.approx(500.04)
    assert close_on(after, date(2020, 8, 27)) == pytest.approx(125.01)
    assert close_on(after, date(2020, 8, 31)) == pytest.approx(129.04)
    assert before.volume[0] == pytest.approx(38_888_100, rel=1e-6)


def test_a_line_without_a_price_and_a_session_under_way_are_no_bars(prices: LivePrices) -> None:
    sessions = prices.bars("AAPL", AFTER).sessions
    assert len(set(sessions)) == len(sessions)
    assert date(2020, 9, 2) not in sessions
    if prices.name == "yahoo":
        assert sessions == (date(2020, 8, 27), date(2020, 8, 31), date(2020, 9, 1))


def test_pence_are_shown_as_pounds_by_londons_calendar() -> None:
    found = read_chart("VOD.L", recorded("yahoo_pence"))
    assert found is not None
    assert (found.currency, found.calendar, found.name) == ("GBP", "XLON", "Vodafone Group Public Limited Company")
    assert np.allclose(found.raw.close, 1.126)


def test_what_yahoo_does_not_find_is_unknown() -> None:
    assert read_chart("ZZZZ", recorded("yahoo_not_found")) is None


def test_an_exchange_without_a_calendar_is_named() -> None:
    answer = recorded("yahoo_pence")
    answer["chart"]["result"][0]["meta"] |= {"exchangeName": "XYZ", "fullExchangeName": "Moon"}
    with pytest.raises(ExpertError, match=r"VOD\.L trades at Moon, whose sessions are unknown here") as caught:
        read_chart("VOD.L", answer)
    assert caught.value.code is ErrorCode.DATA_MISSING
