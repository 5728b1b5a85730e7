"""Warned prices: an attempt's prices, on which every doubt and every bar left out is noted once."""

from __future__ import annotations

from collections.abc import Callable

from ba2_trade_platform.core.contracts.experts import Bars, PricesAsOf


class WarnedPrices:
    """The prices that an expert is given; each warning on its bars is noted once, however often they are asked for."""

    def __init__(self, prices: PricesAsOf, warn: Callable[[str], None]) -> None:
        self.as_of = prices.as_of
        self._said: set[str] = set()

        def bars(symbol: str, limit: int | None = None) -> Bars:
            """Return the newest `limit` bars visible at `as_of`, or raise ExpertError SYMBOL_INVALID."""
            found = prices.bars(symbol, limit)
            for sentence in found.warnings:
                if sentence not in self._said:
                    self._said.add(sentence)
                    warn(sentence)
            return found

        self.bars = bars
