"""Quotes: the newest price of a symbol, cached for a minute, so that a long page asks once for each."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ba2_trade_platform.core.contracts.experts import MAX_STALE_SESSIONS, ExpertError, Prices

FRESH = timedelta(minutes=1)
MOST_KEPT = 20_000


@dataclass(frozen=True)
class Quote:
    """A symbol's newest close, of the session that ended `at`; `problem` says why there is none."""

    symbol: str
    price: float | None = None
    currency: str = ""
    at: datetime | None = None
    sessions_missing: int = 0
    calendar_ends: str = ""
    problem: str | None = None

    @property
    def is_stale(self) -> bool:
        """Whether it is older than an expert would take."""
        return bool(self.calendar_ends) or self.sessions_missing > MAX_STALE_SESSIONS

    @property
    def staleness(self) -> str:
        """Say why an expert would not take it; empty when it would."""
        if self.calendar_ends:
            return self.calendar_ends
        return f"{self.sessions_missing} sessions are missing since" if self.is_stale else ""


class Quotes:
    """Asks the price provider; blocking, and from any thread."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._kept: dict[str, tuple[datetime, Quote]] = {}
        self._lock = threading.Lock()

    def of(self, symbols: Iterable[str]) -> dict[str, Quote]:
        """Return the newest close of each of these symbols by the market's clock."""
        return {symbol: self.one(symbol) for symbol in symbols}

    def one(self, symbol: str) -> Quote:
        """Return the newest close of one symbol."""
        now = self._prices.clock.now()
        with self._lock:
            kept = self._kept.get(symbol)
        if kept is not None and abs(now - kept[0]) < FRESH:
            return kept[1]
        try:
            bars = self._prices.bars(symbol, now, 1)
        except ExpertError as error:
            quote = Quote(symbol, problem=str(error))
        else:
            if len(bars):
                price, closed = float(bars.close[-1]), bars.closed_at[-1]
                quote = Quote(symbol, price, bars.currency, closed, bars.sessions_missing, bars.calendar_ends)
            else:
                quote = Quote(symbol, problem=f"{symbol} has no price on or before {now:%Y-%m-%d}")
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[symbol] = now, quote
        return quote

    def split_since(self, symbol: str, at: datetime) -> float | None:
        """Return by what a price of `at` is multiplied to stand beside the newest; None: not known, or not yet past.

        A recommendation keeps the price of its moment, and the newest close knows of every split since.
        """
        now = self._prices.clock.now()
        if at > now:  # a replay's clock stands before it
            return None
        try:
            bars, original = self._prices.bars(symbol, now), self._prices.bars(symbol, at, 1)
        except ExpertError:
            return None
        if not len(original):
            return None
        place = bisect_left(bars.sessions, original.sessions[-1])
        if place >= len(bars) or bars.sessions[place] != original.sessions[-1]:
            return None
        return float(bars.close[place]) / float(original.close[-1])
