"""A market of one made-up symbol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from ba2_trade_platform.core.base.clocks import Clock, SystemClock
from ba2_trade_platform.core.contracts.experts import Bars, InstrumentInfo
from ba2_trade_platform.market.prices.series import Series


class OneSeries:
    """Gives the same series for every symbol."""

    name = "one"

    def __init__(self, series: Series) -> None:
        self.clock: Clock = SystemClock()
        self._series = series

    def instruments(self) -> Sequence[InstrumentInfo]:
        """Return none: nothing is to be listed."""
        return ()

    def instrument(self, symbol: str) -> InstrumentInfo:
        """Return a description."""
        return InstrumentInfo(symbol, symbol, "XNYS", "USD", "XNYS")

    def bars(self, symbol: str, as_of: datetime, limit: int | None = None) -> Bars:  # noqa: ARG002 - the protocol's
        """Return what is known at `as_of`."""
        return self._series.bars_at(as_of, limit)

    def instant_of(self, day: date, symbol: str | None = None) -> datetime:
        """Return the end of a day."""
        raise NotImplementedError(day)
