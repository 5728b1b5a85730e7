"""Symbol doors: files, lists, analyses, schedules, addresses and the symbol map take exactly the same symbols."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx
import numpy as np
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.symbols import file_stem, spelled
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.market.folder.side_files import read_splits
from ba2_trade_platform.market.prices.cache import PriceCache
from ba2_trade_platform.market.prices.history import Fetched, History
from ba2_trade_platform.market.prices.series import RawBars
from ba2_trade_platform.market.research.folder import ResearchFolder
from ba2_trade_platform.ui.kit.urls import analyses_url, symbol_url
from ba2_trade_platform.ui.submit.input import symbols_in
from tests.api.clients import client_of
from tests.fakes.clock import StandingClock
from tests.platforms import practice
from tests.unit.market.test_folder import GOOD as PRICES
from tests.unit.market.test_folder import NOW

GOOD = [
    "AAPL",
    "BTC_USDT",
    "M&M.NS",
    "J&KBANK.NS",
    "L&TFH.NS",
    "NIFTY_50",
    "^GSPC",
    "ES=F",
    "BTC/USD",
    "LSE:VOD",
    "CON",
]
GOOD += ["0700.HK", "BRK-B", "a" * 40, "\u200bmsft", "\n\t\u200eibm\f"]
BAD = [" ", "AA PL", "BRK B", "_A", "&M", "SPAXX**", "\u00df", "A" * 41, "AAPL;MSFT", "A%B", "\u202eLPAA"]


async def doors_of_the_api(client: httpx.AsyncClient, platform: Platform, text: str) -> dict[str, bool]:
    """Return which doors take a text as a symbol, and find what was stored by it."""
    symbol, expert = spelled(text), practice(platform)
    stored = quote(symbol, safe="")

    async def sent(method: str, path: str, status: int, **body: Any) -> bool:
        return (await client.request(method, path, json=body or None)).status_code == status

    watched = (await client.post("/watchlists", json={"name": "Mine"})).json()["id"]
    (line,) = (await client.post(f"/watchlists/{watched}/items", json={"symbols": [text], "unknown": True})).json()[
        "lines"
    ]
    batch = (await client.post("/batches/preview", json={"expert_instance_ids": [expert], "symbols": [text]})).json()
    schedule = {"name": "S", "expert_instance_id": expert, "timing": {"kind": "times", "times": ["09:30"]}}
    schedule |= {"zone": "UTC", "symbols": [text]}
    found = (await client.get("/analyses", params={"symbol": symbol})).json()
    doors = {
        "analysis": await sent("POST", "/analyses", 202, expert_instance_id=expert, symbol=text),
        "watchlist": line["fate"] == "added",
        "batch": batch["queued"] == 1,
        "schedule": await sent("POST", "/schedules", 201, **schedule),
        "map": await sent("PUT", f"/symbol-map/yahoo/{quote(text, safe='')}", 200, provider_symbol=text),
        "unmapped": await sent("DELETE", f"/symbol-map/yahoo/{quote(text, safe='')}", 204),
        "instrument": await sent("POST", "/instruments", 409 if line["fate"] == "added" else 201, symbol=text),
        "its address": await sent("GET", f"/instruments/{stored or '%20'}", 200),
        "changed": await sent("PATCH", f"/instruments/{stored or '%20'}", 200, name="x"),
    }
    assert found["items"] == []
    after = (await client.get("/analyses", params={"symbol": symbol})).json()["items"]
    doors["filter"] = bool(symbol) and [one["symbol"] for one in after] == [symbol]
    gone = await client.delete(f"/watchlists/{watched}/items", params={"symbol": [text]})
    doors["taken off"] = gone.json()["symbols"] == [symbol]
    return doors


def doors_of_files(folder: Path, text: str) -> dict[str, bool]:
    """Return which files take a text as a symbol."""
    symbol = spelled(text)
    prices, research = folder / "prices", folder / "research"
    prices.mkdir()
    research.mkdir()
    (prices / f"{file_stem(symbol)[:200]}.csv").write_text(PRICES)
    (prices / "splits.csv").write_text(f'symbol,date,ratio\n"{text}",2014-06-09,0.5\n')
    (research / "news.csv").write_text(f'published_at,symbol,headline\n2014-06-09T12:00:00Z,"{text}",News\n')
    market = FolderPrices(prices, StandingClock(NOW))
    try:
        known = market.instrument(symbol).symbol == symbol
    except ExpertError:
        known = False
    return {
        "price file": known,
        "splits.csv": symbol in read_splits(prices / "splits.csv").rows,
        "news.csv": bool(ResearchFolder(research).articles(symbol)),
    }


@pytest.mark.parametrize("text", [*GOOD, *BAD])
async def test_every_door_takes_exactly_the_same_symbols(text: str, platform: Platform, tmp_path: Path) -> None:
    async with client_of(platform) as client:
        doors = await doors_of_the_api(client, platform, text)
    (tmp_path / "files").mkdir()
    doors |= doors_of_files(tmp_path / "files", text)
    assert {name for name, taken in doors.items() if taken != (text in GOOD)} == set()


@pytest.mark.parametrize("text", [text for text in GOOD if " " not in text])
def test_a_typed_symbol_and_its_addresses_mean_it_and_nothing_else(text: str) -> None:
    symbol = spelled(text)
    assert symbols_in(f"{text}, ZZZZ") == [symbol, "ZZZZ"]
    assert unquote(urlsplit(symbol_url(symbol)).path.removeprefix("/symbols/")) == symbol
    assert parse_qs(urlsplit(analyses_url(symbol)).query) == {"symbol": [symbol]}


@pytest.mark.parametrize("text", GOOD)
def test_fetched_prices_are_kept_under_any_symbol(text: str, tmp_path: Path) -> None:
    symbol, cache = spelled(text), PriceCache(tmp_path)
    fetched = Fetched(_no_bars(), (), "x", "XNYS", "USD", "XNYS")
    cache.write(History(symbol, symbol, NOW, fetched))
    assert cache.symbols() == [symbol]
    kept = cache.read(symbol)
    assert kept is not None
    assert kept.symbol == symbol


def _no_bars() -> RawBars:

    return RawBars(np.array([], dtype="datetime64[D]"), *(np.array([], dtype=np.float64) for _ in range(5)))
