"""Price prefetch: fetches the watchlists' prices beforehand, so that a large run need not wait for each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from sqlalchemy import select

from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.contracts.price_status import Prefetched
from ba2_trade_platform.db import tables as t

log = logging.getLogger(__name__)
KEEP_SECONDS = 15 * 60
PAUSE_SECONDS = 60.0  # rates are by the minute
SHOWN = 5


@runtime_checkable
class Prefetching(Protocol):
    """A provider whose prices can be fetched beforehand."""

    def prefetch(self, symbols: Sequence[str], go_on: Callable[[], bool]) -> Prefetched:
        """Bring these symbols up to date while `go_on` says so; say what failed and what is left for later."""


class PricePrefetch:
    """Looks now and then after the watchlists' symbols; does nothing for prices that are on this machine anyway."""

    def __init__(self, store: Store, prices: Prices, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._store = store
        self._prices = prices
        self._pause_seconds = pause_seconds
        self._stopping = threading.Event()

    def refresh(self) -> None:
        """Fetch what is missing; what could not be fetched is logged as a warning."""
        if not isinstance(self._prices, Prefetching):
            return
        listed = t.watchlist_item.c.instrument_id == t.instrument.c.id
        with self._store.read() as session:
            named = select(t.instrument.c.symbol).join(t.watchlist_item, listed).distinct()
            symbols: Sequence[str] = session.scalars(named).all()
        while symbols and not self._stopping.is_set():
            done = self._prices.prefetch(symbols, lambda: not self._stopping.is_set())
            for sentence in done.failed[:SHOWN]:
                log.warning("Prices: %s", sentence)
            if len(done.failed) > SHOWN:
                log.warning("Prices: %d more could not be fetched", len(done.failed) - SHOWN)
            symbols = done.left
            if symbols:
                self._stopping.wait(self._pause_seconds)

    def stop(self) -> None:
        """Fetch nothing any more; the question that is under way is the last."""
        self._stopping.set()
