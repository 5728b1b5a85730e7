"""Live prices: failures of the network, and the prices kept meanwhile, against servers that fail as told."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.price_status import Prefetched, status_of
from ba2_trade_platform.market.prices.live import LivePrices
from ba2_trade_platform.market.prices.series import RawBars
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import MovingClock
from tests.fakes.price_server import Market, Trouble, price_server
from tests.markets import CLOSE, EVENING, live_prices, market_of_the_demo
from tests.patience import EVENT_SECONDS

BOTH = pytest.mark.parametrize("kind", ["yahoo", "alpaca"])


@dataclass
class Shop:
    """A provider, the market behind its server, its clock, and how long it waited."""

    kind: str
    folder: Path
    url: str
    market: Market
    clock: MovingClock
    waited: list[float]

    def open(self, **options: Any) -> LivePrices:
        return live_prices(self.kind, self.url, self.folder, clock=self.clock, sleep=self.waited.append, **options)


@contextmanager
def shop(kind: str, folder: Path, market: Market | None = None, now: datetime = EVENING) -> Iterator[Shop]:
    market = market or market_of_the_demo()
    with price_server(market) as url:
        yield Shop(kind, folder, url, market, MovingClock(now), [])


def close_of(prices: LivePrices, as_of: datetime = EVENING, symbol: str = "AAPL") -> float:
    return float(prices.bars(symbol, as_of, 1).close[-1])


def failure_of(prices: LivePrices, symbol: str = "AAPL") -> ExpertError:
    with pytest.raises(ExpertError) as caught:
        prices.bars(symbol, EVENING)
    return caught.value


@BOTH
def test_what_was_fetched_is_not_asked_for_again_and_survives_a_restart(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        first = close_of(desk.open())
        asked = len(desk.market.asked)
        again = desk.open()
        assert close_of(again) == first == pytest.approx(110.379)
        assert again.instrument("AAPL").last_session == date(2014, 12, 31)
        assert len(again.bars("AAPL", datetime(2009, 3, 9, 21, tzinfo=UTC))) > 1_000
        assert len(desk.market.asked) == asked


@BOTH
def test_only_what_is_missing_is_fetched(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path, market_of_the_demo(date(2014, 12, 29)), EVENING - timedelta(days=2)) as desk:
        prices = desk.open()
        before = prices.bars("AAPL", EVENING)
        desk.market.bars = market_of_the_demo().bars
        desk.market.asked.clear()
        desk.clock.advance(2 * 86_400)
        after = prices.bars("AAPL", EVENING)
        assert len(after) == len(before) + 2
        since = "1418601600" if kind == "yahoo" else "2014-12-15"
        assert all(since in path for path in desk.market.asked)


@BOTH
def test_a_new_split_has_all_of_it_fetched_anew(kind: str, tmp_path: Path) -> None:
    day = date(2014, 6, 6)
    now = datetime(2014, 6, 6, 22, tzinfo=UTC)
    with shop(kind, tmp_path, market_of_the_demo(day), now) as desk:
        prices = desk.open()
        assert close_of(prices, now) == pytest.approx(645.57)
        whole = market_of_the_demo()
        desk.market.bars, desk.market.splits = whole.bars, whole.splits
        desk.clock.advance(4 * 86_400)
        later = now + timedelta(days=4)
        bars = prices.bars("AAPL", later)
        assert bars.close[bars.sessions.index(day)] == pytest.approx(645.57 / 7)
        assert close_of(prices, now) == pytest.approx(645.57)


@BOTH
def test_a_bar_of_a_session_under_way_is_not_kept(kind: str, tmp_path: Path) -> None:
    midday = datetime(2014, 12, 31, 17, tzinfo=UTC)
    with shop(kind, tmp_path, now=midday) as desk:
        prices = desk.open()
        assert prices.bars("AAPL", midday).sessions[-1] == date(2014, 12, 30)
        desk.clock.advance(5 * 3_600)
        assert prices.bars("AAPL", CLOSE).sessions[-1] == date(2014, 12, 31)


@BOTH
@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble(status=429), ErrorCode.RATE_LIMIT),
        (Trouble(status=500), ErrorCode.PROVIDER_DOWN),
        (Trouble(status=503), ErrorCode.PROVIDER_DOWN),
        (Trouble(status=401), ErrorCode.AUTH),
        (Trouble(status=403), ErrorCode.PERMISSION),
        (Trouble(how="garbage"), ErrorCode.PROVIDER_DOWN),
        (Trouble(how="shapeless"), ErrorCode.DATA_MISSING),
        (Trouble(how="cut"), ErrorCode.CONNECTION),
    ],
)
def test_each_failure_has_its_code_and_a_sentence(kind: str, trouble: Trouble, code: ErrorCode, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        desk.market.trouble(*[trouble] * 12)
        error = failure_of(desk.open())
        assert error.code is code
        assert str(error).lower().startswith(kind)


@BOTH
def test_no_answer_in_time_is_a_time_out(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        desk.market.trouble(*[Trouble(seconds=EVENT_SECONDS)] * 12)
        error = failure_of(desk.open(timeout=0.1))
        assert error.code is ErrorCode.TIMEOUT
        assert str(error).lower().startswith(kind)


@BOTH
def test_what_passes_is_asked_again_after_a_moment(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        # yfinance asks a second time by itself after a refusal.
        desk.market.trouble(*[Trouble(status=503)] * (2 if kind == "yahoo" else 1))
        assert close_of(desk.open()) == pytest.approx(110.379)
        assert len(desk.waited) == 1


@BOTH
def test_a_short_wish_to_wait_is_honoured_and_a_long_one_is_passed_on(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        desk.market.trouble(*[Trouble(status=429, retry_after="7")] * (2 if kind == "yahoo" else 1))
        assert close_of(desk.open()) == pytest.approx(110.379)
        assert desk.waited == [7]
        desk.market.trouble(*[Trouble(status=429, retry_after="600")] * 2)
        error = failure_of(desk.open(), "MSFT")
        assert (error.code, error.retry_after, error.provider.lower()) == (ErrorCode.RATE_LIMIT, 600, kind)
        assert desk.waited == [7]


@BOTH
def test_what_is_kept_serves_while_the_provider_is_down_until_it_is_too_old(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path, market_of_the_demo(date(2014, 12, 29)), EVENING - timedelta(days=2)) as desk:
        prices = desk.open()
        close_of(prices)
        desk.clock.advance(2 * 86_400)
        desk.market.trouble(*[Trouble(status=500)] * 6)
        bars = prices.bars("AAPL", EVENING)
        assert (bars.sessions[-1], bars.sessions_missing) == (date(2014, 12, 29), 2)
        assert status_of(prices).failing
        desk.clock.advance(5 * 86_400)
        desk.market.trouble(*[Trouble(status=500)] * 6)
        with pytest.raises(ExpertError) as caught:
            prices.bars("AAPL", EVENING + timedelta(days=5))
        assert caught.value.code is ErrorCode.PROVIDER_DOWN


@BOTH
def test_an_unknown_symbol_is_asked_for_once(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        prices = desk.open()
        assert failure_of(prices, "ZZZZ").code is ErrorCode.SYMBOL_INVALID
        asked = len(desk.market.asked)
        assert f"{kind} has no prices of ZZZZ" in str(failure_of(prices, "ZZZZ"))
        assert len(desk.market.asked) == asked
        assert not status_of(prices).failing


@BOTH
def test_an_answer_about_another_symbol_is_not_taken(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        desk.market.trouble(*[Trouble(how="wrong symbol")] * 4)
        error = failure_of(desk.open())
        assert error.code in {ErrorCode.DATA_MISSING, ErrorCode.SYMBOL_INVALID}


@BOTH
def test_a_broken_file_of_the_cache_is_fetched_anew(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk:
        close_of(desk.open())
        file = tmp_path / kind / "AAPL.npz"
        file.write_bytes(file.read_bytes()[:500])
        assert close_of(desk.open()) == pytest.approx(110.379)


@BOTH
def test_many_threads_ask_once(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path) as desk, ThreadPoolExecutor(8) as pool:
        prices = desk.open()
        closes = list(pool.map(lambda _: close_of(prices), range(32)))
        assert len(set(closes)) == 1
        assert len(desk.market.asked) == (1 if kind == "yahoo" else 2)


def test_a_watchlist_is_fetched_in_as_few_questions_as_may_be(tmp_path: Path) -> None:
    with shop("alpaca", tmp_path) as desk:
        prices = desk.open()
        assert prices.prefetch(["AAPL", "MSFT", "INTC", "ZZZZ"]).failed == (
            "Unknown symbol ZZZZ; alpaca has no prices of ZZZZ",
        )
        asked = len(desk.market.asked)
        assert {path.partition("?")[0] for path in desk.market.asked} == {"/v2/stocks/bars", "/v1/corporate-actions"}
        assert asked <= 3  # a page of bars holds 10,000 lines
        assert prices.prefetch(["AAPL", "MSFT", "INTC"]) == Prefetched()
        assert len(desk.market.asked) == asked


def test_no_more_is_asked_in_a_minute_than_allowed(tmp_path: Path) -> None:
    with shop("yahoo", tmp_path) as desk:
        prices = desk.open(per_minute=2)
        close_of(prices)
        close_of(prices, symbol="MSFT")
        error = failure_of(prices, "INTC")
        assert (error.code, len(desk.market.asked)) == (ErrorCode.RATE_LIMIT, 2)
        assert 0 < (error.retry_after or 0) <= 60


@pytest.mark.parametrize(("kind", "symbol", "name"), [("yahoo", "BRK.B", "BRK-B"), ("alpaca", "BRK-B", "BRK.B")])
def test_a_class_of_shares_goes_by_the_providers_own_spelling(
    kind: str, symbol: str, name: str, tmp_path: Path
) -> None:
    market = market_of_the_demo()
    market.bars = {name: market.bars["AAPL"]}
    with shop(kind, tmp_path, market) as desk:
        assert close_of(desk.open(), datetime(2004, 1, 5, 22, tzinfo=UTC), symbol) > 0


@BOTH
def test_a_symbol_that_a_person_renamed_is_fetched_anew(kind: str, tmp_path: Path) -> None:
    names = {"AAPL": "AAPL"}
    with shop(kind, tmp_path) as desk:
        prices = desk.open(renamed=lambda provider, symbol: names.get(symbol) if provider == kind else None)
        close_of(prices)
        names["AAPL"] = "MSFT"
        assert close_of(prices) == pytest.approx(46.45)


@BOTH
def test_a_correction_of_earlier_bars_has_all_of_it_fetched_anew(kind: str, tmp_path: Path) -> None:
    with shop(kind, tmp_path, market_of_the_demo(date(2014, 12, 29)), EVENING - timedelta(days=2)) as desk:
        prices = desk.open()
        close_of(prices)
        raw: RawBars = market_of_the_demo().bars["AAPL"]
        desk.market.bars = {"AAPL": replace(raw, close=raw.close * 0.9, low=raw.low * 0.9)}
        desk.clock.advance(2 * 86_400)
        bars = prices.bars("AAPL", EVENING)
        assert np.allclose(bars.close / bars.open < 1.05, True)
        assert bars.close[-1] == pytest.approx(110.379 * 0.9)


def test_a_wrong_key_is_said_to_be_one(tmp_path: Path) -> None:
    with shop("alpaca", tmp_path) as desk:
        error = failure_of(desk.open(secret="wrong"))  # noqa: S106 - of a fake server
        assert (error.code, str(error)) == (ErrorCode.AUTH, "Alpaca does not accept the key (HTTP 401)")


def test_a_server_that_is_not_there_cannot_be_reached(tmp_path: Path) -> None:
    for kind in ("yahoo", "alpaca"):
        error = failure_of(live_prices(kind, "http://127.0.0.1:9", tmp_path))
        assert error.code is ErrorCode.CONNECTION


def test_a_provider_says_how_it_is_doing(tmp_path: Path) -> None:
    with shop("yahoo", tmp_path) as desk:
        prices = desk.open()
        assert status_of(prices).last_success_at is None
        close_of(prices)
        status = status_of(prices)
        assert (status.provider, status.remote, status.symbols, status.last_success_at) == ("yahoo", True, 1, EVENING)
        assert status.newest_at is not None
