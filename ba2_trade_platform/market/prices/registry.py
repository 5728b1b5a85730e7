"""Price provider registry: opens the provider that the settings name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.folder.folder_check import CheckedPrices
from ba2_trade_platform.market.prices.cache import PriceCache
from ba2_trade_platform.market.prices.history import PriceSource
from ba2_trade_platform.market.prices.live import LivePrices, Renamed
from ba2_trade_platform.market.providers.alpaca import AlpacaSource
from ba2_trade_platform.market.providers.requests import Asker
from ba2_trade_platform.market.providers.yahoo import YahooSource

PACKAGES = {"yahoo": "yfinance", "alpaca": "alpaca"}


def open_prices(
    kind: str,
    folder: Path | None,
    cache: Path = Path("data/prices"),
    alpaca_keys: tuple[str, str] = ("", ""),
    renamed: Renamed | None = None,
    calendars: DeskCalendars | None = None,
) -> Prices:
    """Return the provider `folder`, `yahoo` or `alpaca`, its clock included; nobody is asked yet.

    `cache` is the folder for what is fetched, `alpaca_keys` key and secret, `renamed` what a person said a provider
    calls a symbol, `calendars` those of the desk. Raises ValueError with a sentence for what cannot work.
    """
    if kind in PACKAGES:
        return LivePrices(
            source := _source(kind, cache / kind, alpaca_keys),
            PriceCache(cache / kind, calendars),
            Asker(source.name, source.per_minute),
            SystemClock(),
            renamed,
        )
    if kind != "folder":
        raise ValueError(f"BA2_PRICES must be demo, folder, yahoo or alpaca, not {kind!r}")
    if folder is None:
        raise ValueError("BA2_PRICES=folder needs BA2_PRICES_DIR, the folder of your price files")
    if not folder.is_dir():
        raise ValueError(f"BA2_PRICES_DIR is {folder}, which is not a folder")
    return CheckedPrices(folder, SystemClock(), cache / "folder", calendars)


def _source(kind: str, folder: Path, alpaca_keys: tuple[str, str]) -> PriceSource:
    if find_spec(PACKAGES[kind]) is None:
        raise ValueError(f"BA2_PRICES={kind} needs a package: .venv/bin/pip install -e '.[{kind}]'")
    if kind == "yahoo":
        return YahooSource(folder / "cookies")
    if not all(alpaca_keys):
        raise ValueError("BA2_PRICES=alpaca needs BA2_ALPACA_KEY and BA2_ALPACA_SECRET, from your account at Alpaca")
    return AlpacaSource(*alpaca_keys)
