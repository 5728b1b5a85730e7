"""Fake prices: a market of one made-up symbol, and a short series to put into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from ba2_trade_platform.core.base.clocks import Clock, SystemClock
from ba2_trade_platform.core.contracts.experts import Bars, InstrumentInfo
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.prices.series import Dividend, RawBars, Series, Split

# Monday to Friday; Thursday, the 4th of July, is closed and Wednesday is a half day.
DAYS = ("2013-07-01", "2013-07-02", "2013-07-03", "2013-07-04", "2013-07-05")


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


def series(*splits: Split, dividends: tuple[Dividend, ...] = ()) -> Series:
    """Return a week of Acme, whose Thursday has no bar that counts."""
    close = np.array([100.0, 110.0, 120.0, 120.0, 60.0])
    raw = RawBars(
        np.array(DAYS, dtype="datetime64[D]"),
        open=close - 1,
        high=close + 2,
        low=close - 2,
        close=close,
        volume=np.array([1000.0, 1000.0, 1000.0, 0.0, 2000.0]),
    )
    info = InstrumentInfo("ACME", "Acme", "XNYS", "USD", "XNYS")
    return Series(info, session_calendar("XNYS"), raw, splits, dividends)
