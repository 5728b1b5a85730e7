"""Brings the prices of all watchlists up to date beforehand, so that a run of many symbols need not wait for each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from sqlalchemy import select

from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.db import tables as t

log = logging.getLogger(__name__)
KEEP_SECONDS = 15 * 60
SHOWN = 5


@runtime_checkable
class Prefetching(Protocol):
    """A provider whose prices can be fetched beforehand."""

    def prefetch(self, symbols: Sequence[str]) -> list[str]:
        """Bring these symbols up to date; return a sentence for each that could not be."""


class PriceKeeping:
    """Looks now and then after the watchlists' symbols; does nothing for prices that are on this machine anyway."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices

    def refresh(self) -> None:
        """Fetch what is missing; what could not be fetched is logged as a warning."""
        if not isinstance(self._prices, Prefetching):
            return
        item, instrument = t.watchlist_item.c, t.instrument.c
        with self._store.read() as session:
            symbols = session.scalars(
                select(instrument.symbol).join(t.watchlist_item, item.instrument_id == instrument.id).distinct()
            ).all()
        failed = self._prices.prefetch(symbols)
        for sentence in failed[:SHOWN]:
            log.warning("Prices: %s", sentence)
        if len(failed) > SHOWN:
            log.warning("Prices: %d more could not be fetched", len(failed) - SHOWN)
