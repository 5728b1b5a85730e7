"""Prices as of an instant: the window an expert gets, the clocks, and the choice of a provider by name."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ba2_trade_platform.app.market import open_market
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.core.contracts.experts import ExpertError, PricesAsOf
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.market.prices.registry import open_prices
from tests.fakes.clock import StandingClock

AS_OF = datetime(2010, 11, 26, 18, 0, tzinfo=UTC)
NAIVE = datetime(2010, 11, 26, 18, 0)  # noqa: DTZ001 - the mistake under test


def test_an_expert_sees_the_market_as_it_stood() -> None:
    prices: PricesAsOf = PricesAt(DemoMarket(), AS_OF)
    assert prices.as_of == AS_OF
    assert prices.bars("AAPL").sessions[-1] == date(2010, 11, 26)
    assert len(prices.bars("AAPL", 10)) == 10


def test_an_expert_cannot_move_its_window() -> None:
    prices = PricesAt(DemoMarket(), AS_OF)
    prices.as_of = datetime(2014, 12, 31, 21, 0, tzinfo=UTC)
    assert prices.bars("AAPL").sessions[-1] == date(2010, 11, 26)


def test_an_unknown_symbol_is_named_to_the_expert_too() -> None:
    with pytest.raises(ExpertError, match="Unknown symbol NOPE"):
        PricesAt(DemoMarket(), AS_OF).bars("NOPE")


def test_a_naive_as_of_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="as_of must be aware"):
        PricesAt(DemoMarket(), NAIVE)


def test_a_standing_clock_tells_its_instant_in_utc() -> None:
    clock = StandingClock(datetime(2010, 11, 26, 13, 0, tzinfo=timezone(timedelta(hours=-5))))
    assert clock.now() == AS_OF
    assert clock.now().tzinfo is UTC


def test_a_standing_clock_needs_an_aware_instant() -> None:
    with pytest.raises(ValueError, match="needs an aware instant"):
        StandingClock(NAIVE)


def test_the_system_clock_is_aware_and_goes_forward() -> None:
    clock = SystemClock()
    before = clock.now()
    assert before.tzinfo is UTC
    assert clock.now() >= before


def test_the_demo_market_opens_by_name(platform: Platform) -> None:
    prices, _ = open_market(platform.settings, platform.instruments.symbol_maps, None)
    assert prices.name == "demo"
    assert prices.clock.now().year == 2014


def test_a_folder_opens_with_the_live_clock(tmp_path: Path) -> None:
    prices = open_prices("folder", tmp_path)
    assert prices.name == "folder"
    assert prices.clock.now().year > 2014


@pytest.mark.parametrize(
    ("kind", "folder", "sentence"),
    [
        ("bloomberg", None, "BA2_PRICES must be demo, folder, yahoo or alpaca, not 'bloomberg'"),
        ("folder", None, "BA2_PRICES=folder needs BA2_PRICES_DIR"),
        ("folder", Path("no-such-folder"), "BA2_PRICES_DIR is no-such-folder, which is not a folder"),
    ],
)
def test_a_wrong_choice_is_answered_with_the_setting(kind: str, folder: Path | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_prices(kind, folder)


def test_opening_a_market_and_listing_it_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from ba2_trade_platform.market.prices.registry import open_prices\n"
        "from ba2_trade_platform.demo.market import DemoMarket\n"
        "assert len(DemoMarket().instruments()) == 9\n"
        f"open_prices('folder', pathlib.Path({str(tmp_path)!r})).instruments()\n"
        "print(*sorted({'pandas', 'polars', 'exchange_calendars'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
