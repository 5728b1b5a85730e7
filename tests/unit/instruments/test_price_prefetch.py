"""Price prefetch: within half of the rate, never before a price that is needed now, and gone at a stop."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.price_status import status_of
from ba2_trade_platform.core.instruments.price_prefetch import PricePrefetch
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.prices.live import UNKNOWN_FOR
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import MovingClock
from tests.fakes.price_server import Market, Trouble, price_server
from tests.markets import EVENING, live_prices, market_of_the_demo
from tests.patience import EVENT_SECONDS
from tests.platforms import make_platform

SYMBOLS = ["AAPL", "MSFT", "INTC", "AMD"]


@pytest.fixture
def market() -> Market:
    """What the server knows."""
    return market_of_the_demo()


def test_a_symbol_that_is_refused_costs_no_other_one_its_prices(market: Market, tmp_path: Path) -> None:
    market.refused = {"BAD"}
    with price_server(market) as url:
        prices = live_prices("alpaca", url, tmp_path)
        done = prices.prefetch(["AAPL", "BAD", "MSFT", "INTC"])
        assert len(done.failed) == 1
        assert done.failed[0].startswith("BAD: Alpaca: ")
        assert [info.symbol for info in prices.instruments()] == ["AAPL", "INTC", "MSFT"]
        assert len(prices.bars("AAPL", EVENING, 1)) == 1
        assert not status_of(prices).failing


def test_half_of_the_rate_is_left_for_who_needs_a_price_now(market: Market, tmp_path: Path) -> None:
    with price_server(market) as url:
        prices = live_prices("yahoo", url, tmp_path, per_minute=4)
        done = prices.prefetch(SYMBOLS)
        assert (done.failed, done.left) == ((), ("INTC", "AMD"))
        assert len(prices.bars("AMD", EVENING, 1)) == 1
        assert not status_of(prices).failing


def test_what_the_rate_left_no_room_for_is_fetched_a_little_later(market: Market, tmp_path: Path) -> None:
    with price_server(market) as url:
        prices = live_prices("alpaca", url, tmp_path)
        market.trouble(*[Trouble(status=429, retry_after="60")])
        platform = make_platform(tmp_path / "desk", prices=prices)
        platform.instruments.watchlists.add("Tech", [DemoMarket().instrument(symbol) for symbol in ("AAPL", "MSFT")])
        PricePrefetch(platform.store, prices, pause_seconds=0).refresh()
        assert [info.symbol for info in prices.instruments()] == ["AAPL", "MSFT"]
        platform.stop()


def test_a_provider_in_trouble_is_asked_for_no_more(market: Market, tmp_path: Path) -> None:
    with price_server(market) as url:
        prices = live_prices("yahoo", url, tmp_path)
        market.trouble(*[Trouble(status=503)] * 100)
        done = prices.prefetch(SYMBOLS)
        assert done.failed == ("AAPL and 3 more: Yahoo has trouble (HTTP 503)",)
        assert {path.partition("?")[0] for path in market.asked} == {"/v8/finance/chart/AAPL"}


def test_a_page_of_symbols_does_not_wait_for_a_dead_provider_once_for_each(market: Market, tmp_path: Path) -> None:
    clock = MovingClock(EVENING)
    with price_server(market) as url:
        prices = live_prices("alpaca", url, tmp_path, clock=clock)
        market.trouble(*[Trouble(status=503)] * 9)  # three questions, each asked again twice
        for symbol in ("AAPL", "MSFT", "INTC", "AMD", "COST"):
            with pytest.raises(ExpertError) as caught:
                prices.bars(symbol, EVENING)
            assert caught.value.code is ErrorCode.PROVIDER_DOWN
        assert len(market.asked) == 9
        clock.advance(31)
        assert len(prices.bars("AMD", EVENING, 1)) == 1
        assert len(prices.bars("COST", EVENING, 1)) == 1


def test_a_symbol_that_was_unknown_is_asked_for_again_after_an_hour(market: Market, tmp_path: Path) -> None:
    clock = MovingClock(EVENING)
    with price_server(market) as url:
        prices = live_prices("yahoo", url, tmp_path, clock=clock)
        apple = market.bars["AAPL"]
        market.bars = {symbol: raw for symbol, raw in market.bars.items() if symbol != "AAPL"}
        assert len(prices.prefetch(["AAPL"]).failed) == 1
        market.bars = {"AAPL": apple}
        prices.prefetch(["AAPL"])
        assert list(prices.instruments()) == []
        clock.advance(UNKNOWN_FOR / timedelta(seconds=1))
        prices.prefetch(["AAPL"])
        assert [info.symbol for info in prices.instruments()] == ["AAPL"]


def test_a_stop_does_not_wait_for_a_long_list(market: Market, tmp_path: Path) -> None:
    with price_server(market) as url:
        prices = live_prices("yahoo", url, tmp_path, per_minute=2)
        platform = make_platform(tmp_path / "desk", prices=prices)
        platform.instruments.watchlists.add("Tech", [DemoMarket().instrument(symbol) for symbol in SYMBOLS])
        keeping = PricePrefetch(platform.store, prices)
        at_work = threading.Thread(target=keeping.refresh)
        at_work.start()
        at_work.join(0.5)
        assert at_work.is_alive()  # it waits for the next minute
        keeping.stop()
        at_work.join(EVENT_SECONDS)
        assert not at_work.is_alive()
        platform.stop()
