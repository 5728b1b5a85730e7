"""Markets: price providers over the network, put before the fake servers, with the bundled market behind them."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.market.prices.cache import PriceCache
from ba2_trade_platform.market.prices.history import PriceSource
from ba2_trade_platform.market.prices.live import LivePrices, Renamed
from ba2_trade_platform.market.prices.series import RawBars, Split
from ba2_trade_platform.market.providers.alpaca import AlpacaSource
from ba2_trade_platform.market.providers.requests import Asker
from ba2_trade_platform.market.providers.yahoo import YahooSource
from tests.fakes.clock import StandingClock
from tests.fakes.price_server import KEY, SECRET, Market
from tests.patience import EVENT_SECONDS

CLOSE = datetime(2014, 12, 31, 21, tzinfo=UTC)
EVENING = CLOSE + timedelta(hours=1)


def live_prices(
    kind: str,
    url: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    timeout: float = EVENT_SECONDS,
    per_minute: int = 10_000,
    sleep: Callable[[float], None] = lambda _: None,
    renamed: Renamed | None = None,
    secret: str = SECRET,
) -> LivePrices:
    """Return a provider that asks the server at `url`; it waits for nothing unless told."""
    source: PriceSource = (
        YahooSource(folder / "cookies", url, timeout)
        if kind == "yahoo"
        else AlpacaSource(KEY, secret, url, timeout, first_day=date(2000, 1, 1))
    )
    asker = Asker(source.name, per_minute, sleep)
    return LivePrices(source, PriceCache(folder / kind), asker, clock or StandingClock(EVENING), renamed)


@cache
def _bundled() -> tuple[dict[str, RawBars], dict[str, tuple[Split, ...]]]:
    demo = files("ba2_trade_platform.demo").joinpath("data")
    rows = list(csv.reader(gzip.decompress(demo.joinpath("bars.csv.gz").read_bytes()).decode().splitlines()))[1:]
    bars = {}
    for symbol in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == symbol]
        columns = (np.array([float(row[position]) for row in own]) for position in range(2, 7))
        bars[symbol] = RawBars(np.array([row[1] for row in own], dtype="datetime64[D]"), *columns)
    splits: dict[str, tuple[Split, ...]] = {}
    for symbol, day, ratio in list(csv.reader(demo.joinpath("splits.csv").read_text().splitlines()))[1:]:
        splits[symbol] = (*splits.get(symbol, ()), Split(date.fromisoformat(day), float(ratio)))
    return bars, splits


def market_of_the_demo(until: date | None = None) -> Market:
    """Return what the servers know: the bundled market, up to a day."""
    bars, splits = _bundled()
    if until is not None:
        last = np.datetime64(until, "D")
        bars = {symbol: raw.where(raw.days <= last) for symbol, raw in bars.items()}
        splits = {symbol: tuple(split for split in own if split.day <= until) for symbol, own in splits.items()}
    return Market(dict(bars), dict(splits))
