"""Point-in-time prices: an expert's only view, without a way to ask for anything after its as_of."""

from __future__ import annotations

from datetime import datetime

from ba2_trade_platform.core.contracts.experts import Bars, Prices


class PricesAt:
    """The prices of one provider as known at one aware instant; ValueError when the instant is naive.

    `as_of` is there to be read: assigning to it does not move the window.
    """

    def __init__(self, prices: Prices, as_of: datetime) -> None:
        if as_of.utcoffset() is None:
            raise ValueError(f"{as_of} has no time zone; as_of must be aware")
        self.as_of = as_of

        def bars(symbol: str, limit: int | None = None) -> Bars:
            """Return the newest `limit` bars visible at `as_of`, or raise ExpertError SYMBOL_INVALID."""
            return prices.bars(symbol, as_of, limit)

        self.bars = bars
