"""The contract of price providers, asked of each: above all, nothing of the future is ever seen."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.contracts.experts import Bars, ExpertError, Prices
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.market.prices.live import LivePrices
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import StandingClock
from tests.fakes.price_server import price_server
from tests.markets import live_prices, market_of_the_demo

SECOND = timedelta(seconds=1)
END = datetime(2014, 12, 31, 21, 0, tzinfo=UTC)
SPLIT_OPEN = datetime(2014, 6, 9, 13, 30, tzinfo=UTC)
SYMBOLS = ["AAPL", "AMD", "CERN", "COST", "DELL", "GPS", "INTC", "MMM", "MSFT"]
KINDS = ["demo", "folder", "yahoo", "alpaca"]
COLUMNS = ("open", "high", "low", "close", "volume")


def folder_of_the_demo_market(path: Path) -> FolderPrices:
    """The bundled bars as a user's folder: every second symbol as CSV, the others as Parquet."""
    demo = files("ba2_trade_platform.demo").joinpath("data")
    bars = polars.read_csv(gzip.decompress(demo.joinpath("bars.csv.gz").read_bytes()), try_parse_dates=True)
    for number, symbol in enumerate(SYMBOLS):
        own = bars.filter(polars.col("symbol") == symbol).drop("symbol")
        if number % 2:
            own.write_csv(path / f"{symbol}.csv")
        else:
            own.write_parquet(path / f"{symbol}.parquet")
    (path / "splits.csv").write_bytes(demo.joinpath("splits.csv").read_bytes())
    return FolderPrices(path, StandingClock(END))


@contextmanager
def live_market(kind: str, path: Path) -> Iterator[LivePrices]:
    """The bundled bars as a provider over the network has them."""
    with price_server(market_of_the_demo()) as url:
        yield live_prices(kind, url, path)


@contextmanager
def opened(kind: str, path: Path) -> Iterator[Prices]:
    """One provider of each kind, none of them asked yet."""
    if kind == "demo":
        yield DemoMarket()
    elif kind == "folder":
        yield folder_of_the_demo_market(path)
    else:
        with live_market(kind, path) as prices:
            yield prices


@pytest.fixture(scope="module", params=KINDS)
def prices(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prices]:
    with opened(request.param, tmp_path_factory.mktemp("prices")) as prices:
        if isinstance(prices, LivePrices):
            assert not prices.prefetch(SYMBOLS).failed  # it lists what it was asked for
        yield prices


@pytest.fixture(scope="module")
def whole(prices: Prices) -> dict[str, Bars]:
    """Every symbol's full series as known at the end."""
    return {symbol: prices.bars(symbol, END) for symbol in SYMBOLS}


def assert_is_known_prefix(known: Bars, whole: Bars) -> None:
    """The bars of an earlier instant are the first bars of the full series, up to the splits that came since."""
    count = len(known)
    assert known.sessions == whole.sessions[:count]
    assert known.closed_at == whole.closed_at[:count]
    assert all(closed <= known.as_of for closed in known.closed_at)
    assert count == len(whole) or whole.closed_at[count] > known.as_of
    if count:
        ratio = known.close / whole.close[:count]
        assert np.allclose(ratio, ratio[0], rtol=1e-12)
        for column in ("open", "high", "low"):
            assert np.allclose(getattr(known, column), getattr(whole, column)[:count] * ratio, rtol=1e-12)
        assert np.allclose(known.volume, whole.volume[:count] / ratio, rtol=1e-12)


def test_it_has_a_name_and_an_aware_clock(prices: Prices) -> None:
    assert prices.name in KINDS
    assert prices.clock.now().utcoffset() == timedelta(0)


def test_it_lists_and_describes_its_symbols(prices: Prices) -> None:
    assert [info.symbol for info in prices.instruments()] == SYMBOLS
    for info in prices.instruments():
        assert prices.instrument(info.symbol) == info
        assert (info.calendar, info.currency) == ("XNYS", "USD")


@pytest.mark.parametrize("symbol", ["NOPE", "APPL", "aapl", "", "../AAPL", "A" * 5000])
def test_an_unknown_symbol_is_refused_by_name_everywhere(prices: Prices, symbol: str) -> None:
    for ask in (
        lambda: prices.bars(symbol, END),
        lambda: prices.instrument(symbol),
        lambda: prices.instant_of(date(2014, 6, 9), symbol),
    ):
        with pytest.raises(ExpertError, match="Unknown symbol") as caught:
            ask()
        assert caught.value.code is ErrorCode.SYMBOL_INVALID
        assert symbol[:32] in str(caught.value)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("symbol", "nearest"), [("MSTF", "MSFT"), ("aapl", "AAPL"), ("APPL", "AAPL")])
def test_the_nearest_known_symbols_are_offered(prices: Prices, symbol: str, nearest: str) -> None:
    with pytest.raises(ExpertError, match=f"Unknown symbol '?{symbol}'?; the nearest known: {nearest}"):
        prices.bars(symbol, END)


def test_bars_are_in_order_and_of_one_length(whole: dict[str, Bars]) -> None:
    for symbol, bars in whole.items():
        assert (bars.symbol, bars.currency, bars.as_of) == (symbol, "USD", END)
        assert all(before < after for before, after in pairwise(bars.sessions))
        assert all(before < after for before, after in pairwise(bars.closed_at))
        assert {len(getattr(bars, column)) for column in COLUMNS} == {len(bars), len(bars.closed_at)}
        assert all(getattr(bars, column).dtype == np.float64 for column in COLUMNS)
        assert (bars.low <= bars.high).all()


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2004, 1, 2), datetime(2004, 1, 2, 21, 0, tzinfo=UTC)),
        (date(2010, 11, 26), datetime(2010, 11, 26, 18, 0, tzinfo=UTC)),  # a half day
        (date(2014, 3, 10), datetime(2014, 3, 10, 20, 0, tzinfo=UTC)),  # the first of daylight saving
        (date(2014, 12, 31), END),
    ],
)
def test_a_bar_is_seen_at_its_close_and_not_a_second_before(prices: Prices, day: date, close: datetime) -> None:
    assert day not in prices.bars("MSFT", close - SECOND).sessions
    at_close = prices.bars("MSFT", close)
    assert at_close.sessions[-1] == day
    assert at_close.closed_at[-1] == close
    assert prices.bars("MSFT", close + SECOND).sessions[-1] == day


def test_the_zone_of_as_of_does_not_matter(prices: Prices) -> None:
    tokyo = timezone(timedelta(hours=9))
    close = datetime(2010, 11, 26, 18, 0, tzinfo=UTC)
    assert prices.bars("MSFT", close.astimezone(tokyo)).sessions == prices.bars("MSFT", close).sessions


def test_a_naive_as_of_is_refused(prices: Prices) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        prices.bars("MSFT", datetime(2014, 1, 1))  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize("limit", [1, 2, 300, 10_000])
def test_a_limit_gives_the_newest_bars(prices: Prices, whole: dict[str, Bars], limit: int) -> None:
    newest = prices.bars("AAPL", END, limit)
    assert newest.sessions == whole["AAPL"].sessions[-limit:]
    for column in COLUMNS:
        assert np.array_equal(getattr(newest, column), getattr(whole["AAPL"], column)[-limit:])


def test_a_split_is_applied_from_its_open_on(prices: Prices) -> None:
    before, after = prices.bars("AAPL", SPLIT_OPEN - SECOND), prices.bars("AAPL", SPLIT_OPEN)
    assert before.sessions == after.sessions
    assert before.close[-1] == pytest.approx(645.57)
    assert after.close[-1] == pytest.approx(92.224286)
    assert np.allclose(before.close, after.close * 7)
    assert np.allclose(before.volume * 7, after.volume)


def test_a_delisted_symbol_is_stale_and_says_since_when(prices: Prices) -> None:
    assert prices.bars("DELL", datetime(2013, 10, 29, 20, 0, tzinfo=UTC)).sessions_missing == 0
    bars = prices.bars("DELL", END)
    assert bars.sessions_missing > 3
    with pytest.raises(ExpertError, match="DELL has no bar since 2013-10-29") as caught:
        bars.require()
    assert caught.value.code is ErrorCode.STALE_DATA


def test_rows_on_closed_days_are_dropped(whole: dict[str, Bars]) -> None:
    assert date(2012, 7, 4) not in whole["DELL"].sessions
    assert len(whole["DELL"]) == 2474


def test_before_the_first_bar_there_are_none(prices: Prices) -> None:
    for as_of in (datetime(2004, 1, 2, 20, 59, 59, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        bars = prices.bars("MSFT", as_of)
        assert len(bars) == 0
        with pytest.raises(ExpertError) as caught:
            bars.require()
        assert caught.value.code is ErrorCode.DATA_MISSING


def test_long_after_the_last_bar_the_series_is_the_same_but_stale(prices: Prices, whole: dict[str, Bars]) -> None:
    bars = prices.bars("MSFT", datetime.max.replace(tzinfo=UTC))
    assert bars.sessions == whole["MSFT"].sessions
    assert bars.sessions_missing > 3


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2010, 11, 26), datetime(2010, 11, 26, 18, 0, tzinfo=UTC)),
        (date(2014, 12, 25), datetime(2014, 12, 24, 18, 0, tzinfo=UTC)),  # a holiday after a half day
        (date(2014, 12, 28), datetime(2014, 12, 26, 21, 0, tzinfo=UTC)),  # a Sunday
        (date(2012, 10, 30), datetime(2012, 10, 26, 20, 0, tzinfo=UTC)),  # the hurricane's second day
    ],
)
def test_a_day_means_its_close_or_the_last_one_before(prices: Prices, day: date, close: datetime) -> None:
    assert prices.instant_of(day) == prices.instant_of(day, "MSFT") == close


@pytest.mark.parametrize(
    ("day", "code", "sentence"),
    [
        (date.min, ErrorCode.BAD_REQUEST, "lies outside the XNYS calendar"),
        (date.max, ErrorCode.CALENDAR_ENDS, "The XNYS calendar is computed until 2050-12-31"),
    ],
)
def test_a_day_no_calendar_knows_is_refused(prices: Prices, day: date, code: ErrorCode, sentence: str) -> None:
    with pytest.raises(ExpertError, match=sentence) as caught:
        prices.instant_of(day)
    assert caught.value.code is code


def test_what_one_caller_does_to_its_bars_no_other_sees(prices: Prices, whole: dict[str, Bars]) -> None:
    as_of = datetime(2010, 11, 26, 18, 0, tzinfo=UTC)
    bars = prices.bars("MMM", as_of)
    for column in COLUMNS:
        assert getattr(bars, column).base is None
        getattr(bars, column)[:] = -1.0
    assert_is_known_prefix(prices.bars("MMM", as_of), whole["MMM"])


@settings(max_examples=150, deadline=None)
@given(
    symbol=st.sampled_from(SYMBOLS),
    as_of=st.datetimes(datetime(2003, 12, 1), datetime(2015, 2, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_no_instant_shows_anything_that_came_after_it(
    prices: Prices, whole: dict[str, Bars], symbol: str, as_of: datetime
) -> None:
    assert_is_known_prefix(prices.bars(symbol, as_of), whole[symbol])


@settings(max_examples=100, deadline=None)
@given(symbol=st.sampled_from(["AAPL", "CERN"]), session=st.integers(0, 2768), seconds=st.sampled_from([-1, 0, 1]))
def test_around_every_close_exactly_the_closed_sessions_are_seen(
    prices: Prices, whole: dict[str, Bars], symbol: str, session: int, seconds: int
) -> None:
    known = prices.bars(symbol, whole[symbol].closed_at[session] + timedelta(seconds=seconds))
    assert len(known) == session + (1 if seconds >= 0 else 0)
    assert_is_known_prefix(known, whole[symbol])


@pytest.mark.parametrize("kind", KINDS)
def test_many_threads_may_ask_at_once_from_the_first_moment(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path) as prices, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda symbol: prices.bars(symbol, END), SYMBOLS * 8))
    for symbol, bars in zip(SYMBOLS * 8, answers, strict=True):
        assert bars.symbol == symbol
        assert len(bars) == (2474 if symbol == "DELL" else 2769)
        assert bars.sessions[0] == date(2004, 1, 2)
