"""Instrument services: builds the services of symbols, watchlists and quotes around one store."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.instruments.csv_imports import ListImports
from ba2_trade_platform.core.instruments.instruments import Instruments
from ba2_trade_platform.core.instruments.price_prefetch import KEEP_SECONDS, PricePrefetch
from ba2_trade_platform.core.instruments.quotes import Quotes
from ba2_trade_platform.core.instruments.symbol_maps import SymbolMaps
from ba2_trade_platform.core.instruments.symbol_pages import SymbolPages
from ba2_trade_platform.core.instruments.watchlist_rows import WatchlistRows
from ba2_trade_platform.core.instruments.watchlists import Watchlists


@dataclass(frozen=True)
class InstrumentServices:
    """The services around symbols and the lists they stand in."""

    catalog: Instruments
    symbol_maps: SymbolMaps
    watchlists: Watchlists
    rows: WatchlistRows
    imports: ListImports
    quotes: Quotes
    symbols: SymbolPages
    prefetch: PricePrefetch


def open_instruments(store: Store, prices: Prices, maps: SymbolMaps, jobs: BackgroundJobs) -> InstrumentServices:
    """Put the services together, and have prices fetched beforehand now and then; nothing is asked yet."""
    prefetch = PricePrefetch(store, prices)
    jobs.every(KEEP_SECONDS, "prices of watchlists", prefetch.refresh, first_seconds=20)
    return InstrumentServices(
        catalog=Instruments(store),
        symbol_maps=maps,
        watchlists=Watchlists(store, prices),
        rows=WatchlistRows(store),
        imports=ListImports(store, prices),
        quotes=Quotes(prices),
        symbols=SymbolPages(store),
        prefetch=prefetch,
    )
