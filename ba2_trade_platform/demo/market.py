"""Demo market: nine real stocks, 2004 to 2014, bundled so that the console works without key or network."""

from __future__ import annotations

import csv
import gzip
import io
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.resources import files

import numpy as np

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.contracts.experts import Bars, ExpertError, InstrumentInfo
from ba2_trade_platform.core.contracts.language_models import ReportedFigure
from ba2_trade_platform.demo.replay_clock import ReplayClock
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.sessions import SessionCalendar
from ba2_trade_platform.market.prices.series import Dividend, RawBars, Series, Split
from ba2_trade_platform.market.research.sources import ResearchSource
from ba2_trade_platform.market.symbols import unknown_symbol

STANDS_AT = datetime(2014, 12, 31, 21, 0, tzinfo=UTC)
CALENDAR = "XNYS"


class DemoMarket:
    """The bundled prices behind the Prices contract; read once, on the first question that needs a bar."""

    name: str = "demo"

    def __init__(self, clock: Clock | None = None, calendars: DeskCalendars | None = None) -> None:
        self.calendars = calendars or DeskCalendars()
        self.clock: Clock = clock or ReplayClock(STANDS_AT, CALENDAR)
        self._instruments = {
            symbol: InstrumentInfo(
                symbol, name, exchange, currency, calendar, date.fromisoformat(first), date.fromisoformat(last)
            )
            for symbol, name, exchange, calendar, currency, first, last in _rows("instruments.csv")
        }
        self._loading = threading.Lock()
        self._series: tuple[SessionCalendar, dict[str, Series]] | None = None

    def instruments(self) -> Sequence[InstrumentInfo]:
        """Return the nine instruments, by symbol."""
        return list(self._instruments.values())

    def instrument(self, symbol: str) -> InstrumentInfo:
        """Return one instrument, or raise ExpertError SYMBOL_INVALID naming the symbol and the nearest ones."""
        if symbol not in self._instruments:
            raise unknown_symbol(symbol, self._instruments)
        return self._instruments[symbol]

    def bars(self, symbol: str, as_of: datetime, limit: int | None = None) -> Bars:
        """Return the newest `limit` bars visible at the aware instant `as_of`; see Prices."""
        return self._history(symbol).bars_at(as_of, limit)

    def dividends(self, symbol: str, as_of: datetime) -> tuple[Dividend, ...]:
        """Return the dividends gone ex by `as_of`, in USD per share as split by then; SYMBOL_INVALID as in bars."""
        return self._history(symbol).dividends_at(as_of)

    def splits(self, symbol: str, as_of: datetime) -> tuple[Split, ...]:
        """Return the splits made by `as_of`; SYMBOL_INVALID as in bars."""
        return self._history(symbol).splits_at(as_of)

    def instant_of(self, day: date, symbol: str | None = None) -> datetime:
        """Return the UTC close of the XNYS session on `day` or the last before it; BAD_REQUEST before 1970."""
        calendar = CALENDAR if symbol is None else self.instrument(symbol).calendar
        return self.calendars.get(calendar).close_on_or_before(day)

    def _history(self, symbol: str) -> Series:
        info = self.instrument(symbol)
        with self._loading:
            calendar = self.calendars.get(CALENDAR)
            if self._series is None or self._series[0] is not calendar:
                self._series = calendar, _read_series(self._instruments, calendar)
            return self._series[1][info.symbol]


class DemoResearch(ResearchSource):
    """What the bundled market itself knows of its companies: dividends and splits. It has no news and no posts."""

    def __init__(self, market: DemoMarket) -> None:
        self._market = market

    def describe(self) -> str:
        """Say where this research comes from."""
        return "Reported figures are the demo market's dividends and splits; BA2_RESEARCH_DIR brings news and posts"

    def figures(self, symbol: str, as_of: datetime) -> Sequence[ReportedFigure]:
        """Return each dividend and split since the open of its first session; nothing for an unknown symbol."""
        try:
            info = self._market.instrument(symbol)
        except ExpertError:
            return ()
        known_since = self._market.calendars.get(info.calendar).open_on_or_after
        unit = f"{info.currency} per share"
        paid = [
            ReportedFigure(known_since(event.day), "cash dividend", round(event.amount, 6), unit, f"ex {event.day}")
            for event in self._market.dividends(symbol, as_of)
        ]
        made = [
            ReportedFigure(known_since(event.day), "stock split", round(1 / event.ratio, 6), "new shares for one old")
            for event in self._market.splits(symbol, as_of)
        ]
        return sorted([*paid, *made], key=lambda figure: figure.published_at, reverse=True)


def _read_series(instruments: dict[str, InstrumentInfo], calendar: SessionCalendar) -> dict[str, Series]:
    # The csv module and numpy read these 24,646 rows in half the time polars needs, without its import.
    symbols, days, *prices = zip(*_rows("bars.csv.gz"), strict=True)
    owner = np.array(symbols)
    bars = RawBars(np.array(days, dtype="datetime64[D]"), *(np.array(column, dtype=np.float64) for column in prices))
    splits = [(symbol, Split(date.fromisoformat(day), float(ratio))) for symbol, day, ratio in _rows("splits.csv")]
    dividends = [
        (symbol, Dividend(date.fromisoformat(day), float(amount))) for symbol, day, amount in _rows("dividends.csv")
    ]
    return {
        symbol: Series(
            info,
            calendar,
            bars.where(owner == symbol),
            splits=[split for of, split in splits if of == symbol],
            dividends=[dividend for of, dividend in dividends if of == symbol],
        )
        for symbol, info in instruments.items()
    }


def _rows(name: str) -> list[list[str]]:
    """Return the rows below the header of one bundled file."""
    content = files(__package__).joinpath("data", name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    return list(csv.reader(io.StringIO(content.decode("utf-8"))))[1:]
