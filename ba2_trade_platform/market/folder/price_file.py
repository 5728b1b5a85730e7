"""Price file: parses one file of daily prices, or names the wrong line and the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ba2_trade_platform.market.calendars.sessions import SessionCalendar
from ba2_trade_platform.market.folder.tables import BadFile, Table, read_csv, read_parquet
from ba2_trade_platform.market.prices.series import RawBars

COLUMNS = ("date", "open", "high", "low", "close", "volume")
PARQUET = ".parquet"


def read_price_file(path: Path, calendar: SessionCalendar) -> RawBars:
    """Read `path` (CSV, or Parquet by its suffix) with the columns date, open, high, low, close and volume.

    A zero-volume row on a day the exchange was closed is left to the reader of the bars to drop. Raises BadFile for
    the first row that cannot be true.
    """
    table = read_parquet(path, COLUMNS) if path.suffix.lower() == PARQUET else read_csv(path, COLUMNS)
    if not len(table):
        raise BadFile(f"{table.file}, line 2: the file has no rows below its header")
    bars = RawBars(
        np.array([table.date(row, "date") for row in range(len(table))], dtype="datetime64[D]"),
        *(np.array([table.number(row, column) for row in range(len(table))]) for column in COLUMNS[1:]),
    )
    _check_order(table, bars)
    _check_prices(table, bars)
    _check_days(table, bars, calendar)
    return bars


def _check_order(table: Table, bars: RawBars) -> None:
    wrong = np.flatnonzero(bars.days[1:] <= bars.days[:-1])
    if len(wrong):
        row = int(wrong[0]) + 1
        day, before = bars.days[row], bars.days[row - 1]
        reason = f"date {day} is there twice" if day == before else f"date {day} comes after {before}; sort by date"
        raise BadFile(table.at(row, reason))


def _check_prices(table: Table, bars: RawBars) -> None:
    checks = [
        (getattr(bars, column) <= 0, f"{column} must be above zero") for column in ("open", "high", "low", "close")
    ]
    checks += [
        (bars.volume < 0, "volume must not be negative"),
        (bars.high < bars.low, "high is below low"),
        ((bars.open < bars.low) | (bars.open > bars.high), "open lies outside low to high"),
        ((bars.close < bars.low) | (bars.close > bars.high), "close lies outside low to high"),
    ]
    found = [(int(np.argmax(wrong)), reason) for wrong, reason in checks if wrong.any()]
    if found:
        row, reason = min(found, key=lambda item: item[0])
        raise BadFile(table.at(row, reason))


def _check_days(table: Table, bars: RawBars, calendar: SessionCalendar) -> None:
    """A traded bar on a day the exchange was closed means the wrong calendar, and silence would lose bars."""
    closed = (bars.days >= calendar.days[0]) & ~np.isin(bars.days, calendar.days)
    wrong = np.flatnonzero(closed & (bars.volume > 0))
    if len(wrong):
        row = int(wrong[0])
        reason = f"{bars.days[row]} is no {calendar.name} session; give the symbol its calendar in instruments.csv"
        raise BadFile(table.at(row, reason))
