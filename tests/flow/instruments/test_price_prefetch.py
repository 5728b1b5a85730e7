"""Price prefetch: watchlists are read ahead, and the Health page tells the state of the provider."""

from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.price_status import PriceStatus, status_of
from ba2_trade_platform.core.instruments.price_prefetch import PricePrefetch
from ba2_trade_platform.core.operations.health_checks import prices as price_check
from ba2_trade_platform.core.operations.health_report import State
from ba2_trade_platform.demo.market import DemoMarket
from tests.fakes.price_server import Trouble, price_server
from tests.markets import EVENING, live_prices, market_of_the_demo
from tests.platforms import make_platform


def test_the_symbols_of_all_watchlists_are_fetched_beforehand(tmp_path: Path) -> None:
    market = market_of_the_demo()
    with price_server(market) as url:
        prices = live_prices("alpaca", url, tmp_path)
        platform = make_platform(tmp_path / "desk", prices=prices)
        platform.instruments.watchlists.add("Tech", [DemoMarket().instrument(symbol) for symbol in ("AAPL", "MSFT")])
        PricePrefetch(platform.store, prices).refresh()
        assert [info.symbol for info in prices.instruments()] == ["AAPL", "MSFT"]
        asked = len(market.asked)
        assert len(prices.bars("MSFT", EVENING)) == 2769
        assert len(market.asked) == asked
        platform.stop()


def test_what_cannot_be_fetched_is_a_warning_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    market = market_of_the_demo()
    with price_server(market) as url:
        prices = live_prices("alpaca", url, tmp_path)
        platform = make_platform(tmp_path / "desk", prices=prices)
        platform.instruments.watchlists.add("Tech", [DemoMarket().instrument("AAPL")])
        market.trouble(*[Trouble(status=403)] * 3)
        PricePrefetch(platform.store, prices).refresh()
        assert "Prices: AAPL: Alpaca does not allow this key to read these prices (HTTP 403)" in caplog.text
        judged = price_check(status_of(prices), EVENING)
        assert (judged.state, judged.value) == (State.WARN, "alpaca fails")
        platform.stop()


def test_prices_of_this_machine_are_asked_of_nobody(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    PricePrefetch(platform.store, platform.prices).refresh()
    assert status_of(platform.prices) == PriceStatus("demo")
    assert price_check(status_of(platform.prices), EVENING).sentence == "They lie on this machine"
    platform.stop()
