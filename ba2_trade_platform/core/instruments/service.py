"""Instrument services: builds the services of symbols, watchlists and quotes around one store."""

from __future__ import annotations

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.instruments.calendar_days import CalendarDays
from ba2_trade_platform.core.instruments.csv_imports import ListImports
from ba2_trade_platform.core.instruments.instruments import Instruments
from ba2_trade_platform.core.instruments.price_prefetch import KEEP_SECONDS, PricePrefetch
from ba2_trade_platform.core.instruments.quotes import Quotes
from ba2_trade_platform.core.instruments.symbol_maps import SymbolMaps
from ba2_trade_platform.core.instruments.symbol_pages import SymbolPages
from ba2_trade_platform.core.instruments.watchlist_rows import WatchlistRows
from ba2_trade_platform.core.instruments.watchlists import Watchlists


class InstrumentServices:
    """The services around symbols and the lists they stand in; prices are fetched beforehand now and then."""

    def __init__(
        self,
        store: Store,
        prices: Prices,
        maps: SymbolMaps,
        jobs: BackgroundJobs,
        calendar_days: CalendarDays,
    ) -> None:
        self.calendar_days = calendar_days
        self.catalog = Instruments(store)
        self.symbol_maps = maps
        self.watchlists = Watchlists(store, prices)
        self.rows = WatchlistRows(store)
        self.imports = ListImports(store, prices)
        self.quotes = Quotes(prices)
        self.symbols = SymbolPages(store)
        self.prefetch = PricePrefetch(store, prices)
        jobs.every(KEEP_SECONDS, "prices of watchlists", self.prefetch.refresh, first_seconds=20)
