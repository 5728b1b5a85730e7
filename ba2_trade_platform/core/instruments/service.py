"""Puts together what a desk does with its symbols: instruments, watchlists, files, prices and the pages of each."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.instruments.csv_imports import ListImports
from ba2_trade_platform.core.instruments.instruments import Instruments
from ba2_trade_platform.core.instruments.quotes import Quotes
from ba2_trade_platform.core.instruments.symbol_pages import SymbolPages
from ba2_trade_platform.core.instruments.watchlist_rows import WatchedItems


@dataclass(frozen=True)
class Lists:
    """The services of instruments and watchlists beside `Watchlists` itself."""

    instruments: Instruments
    imports: ListImports
    watched: WatchedItems
    quotes: Quotes
    symbols: SymbolPages


def open_lists(store: Store, prices: Prices) -> Lists:
    """Put the services together; nothing is asked yet."""
    return Lists(
        Instruments(store), ListImports(store, prices), WatchedItems(store), Quotes(prices), SymbolPages(store)
    )
