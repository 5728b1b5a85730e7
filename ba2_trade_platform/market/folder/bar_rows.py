"""Bar rows: turn cells of dates and numbers into columns, each cell that is wrong named by its line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.market.calendars.sessions import SessionCalendar, microseconds
from ba2_trade_platform.market.folder import numerals
from ba2_trade_platform.market.folder.date_forms import MIDNIGHT, BadDate, Stamp, read_stamps
from ba2_trade_platform.market.folder.file_text import BadFile, is_clean
from ba2_trade_platform.market.folder.tables import Table, is_iso_column, shown

VOLUMES = ("volume", "ticks")
Column = NDArray[np.float64]
Days = NDArray[np.datetime64]


@dataclass(frozen=True)
class Reading:
    """What a person said of one symbol's file where its rows cannot decide it: order of day and month, decimal mark."""

    dates: str | None = None
    decimal: str | None = None


@dataclass(frozen=True)
class Dated:
    """The day of each row, and its time of day in seconds where the file has one."""

    days: Days
    seconds: NDArray[np.float64] | None = None


def read_days(table: Table, calendar: SessionCalendar, order: str | None, times: Sequence[str] | None = None) -> Dated:
    """Return the exchange's day of each row; of a stamp with a zone the session that it lies in. Raises BadFile."""
    cells = table.columns["date"]
    if times is None and is_iso_column(cells):
        try:
            return Dated(np.array(cells, dtype="datetime64[D]"))
        except ValueError:
            pass  # a day that the calendar does not have: it is named below
    try:
        stamps = _stamps(table, cells, order, times)
    except BadDate as error:
        raise BadFile(table.at(error.row, str(error))) from error
    days = np.array([_session(stamp, calendar) for stamp in stamps], dtype="datetime64[D]")
    if all(stamp.at is None for stamp in stamps):
        return Dated(days)
    return Dated(days, np.array([_seconds(stamp.at) for stamp in stamps]))


def _stamps(table: Table, cells: Sequence[object], order: str | None, times: Sequence[str] | None) -> list[Stamp]:
    if any(isinstance(cell, date) for cell in cells):
        return [_of_value(table, row, cell) for row, cell in enumerate(cells)]
    texts = ["" if cell is None else str(cell) for cell in cells]
    if times is not None:
        texts = [f"{day} {at}".strip() for day, at in zip(texts, (_padded(at) for at in times), strict=True)]
    return read_stamps(texts, order)


def _padded(at: str) -> str:
    """Return a time of day; Stooq writes midnight as 000000, and Excel makes a 0 of it."""
    return at.strip().zfill(6) if at.strip().isdigit() else at.strip()


def _of_value(table: Table, row: int, cell: object) -> Stamp:
    if isinstance(cell, datetime):
        instant = cell.astimezone(UTC) if cell.utcoffset() is not None else None
        return Stamp(cell.date(), cell.time(), instant)
    if isinstance(cell, date):
        return Stamp(cell)
    raise BadFile(table.at(row, f"date {shown(cell)} is not a date (YYYY-MM-DD)"))


def _session(stamp: Stamp, calendar: SessionCalendar) -> date:
    """Return the day of a stamp: of midnight its own, of another instant with a zone that of the exchange."""
    if stamp.instant is None or stamp.at == MIDNIGHT:
        return stamp.day
    at = microseconds(stamp.instant)
    place = int(np.searchsorted(calendar.closes, at, side="left"))
    if place < len(calendar.days) and calendar.opens[place] <= at:
        day: date = calendar.days[place].item()
        return day
    return stamp.instant.astimezone(calendar.zone).date()


def _seconds(at: time | None) -> float:
    return 0.0 if at is None else at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6


def read_numbers(table: Table, columns: Sequence[str], separator: str, decimal: str | None) -> dict[str, Column]:
    """Return these columns as finite numbers, or raise BadFile for the first cell that is none."""
    quick = {column: _quickly(table.columns[column]) for column in columns}
    texts = [column for column in columns if quick[column] is None]
    mark = decimal or "."
    if decimal is None and (texts or separator == ";"):
        mark = _mark(table, columns, separator)
    if decimal == "," or mark == ",":
        texts = list(columns)
    for column in texts:
        quick[column] = _slowly(table, column, mark)
    return {column: values for column in columns if (values := quick[column]) is not None}


def _quickly(cells: Sequence[object]) -> Column | None:
    """Return cells that Python reads as it is meant, None where one of them has to be looked at."""
    try:
        values = np.array(list(map(float, cells)))  # type: ignore[arg-type]  # what float refuses is read slowly
    except (TypeError, ValueError, OverflowError):
        return None
    if not np.isfinite(values).all():
        return None
    if isinstance(cells[0], str):
        joined = "".join(cells)  # type: ignore[arg-type]  # a column of a text is texts
        return values if joined.isascii() and "_" not in joined else None
    return None if any(isinstance(cell, bool) for cell in cells) else values


def _bare(cell: object) -> str:
    return "" if cell is None else numerals.bare(cell) if isinstance(cell, str) else str(cell)


def _mark(table: Table, columns: Sequence[str], separator: str) -> str:
    """Return the decimal mark of a file. Raises BadFile when nothing decides it."""
    prices = [_bare(cell) for column in columns if column not in VOLUMES for cell in table.columns[column]]
    cells = [_bare(cell) for volume in VOLUMES for cell in table.columns.get(volume, ())]
    volumes = [numerals.without_multiple(cell) for cell in cells]
    try:
        decides = [cell for cell in volumes if numerals.evidence(cell).decides]
        if any("." in cell or "," in cell for cell in prices):
            return numerals.decimal_mark([*prices, *decides], separator)
        return numerals.decimal_mark(volumes, separator)
    except numerals.AmbiguousNumber as error:
        way = "write . or , into the column decimal of instruments.csv, in this symbol's row"
        raise BadFile(f"{table.file}: {error}: {way}") from error


def _slowly(table: Table, column: str, mark: str) -> Column:
    read = numerals.volume if column in VOLUMES else numerals.number
    return np.array([_number(table, row, column, mark, read) for row in range(len(table))], dtype=np.float64)


def _number(table: Table, row: int, column: str, mark: str, read: Callable[[str, str], float | None]) -> float:
    cell = table.columns[column][row]
    if isinstance(cell, str):
        bare = _bare(cell)
        if not is_clean(cell):
            raise BadFile(table.at(row, "the text is not UTF-8; save the file as UTF-8"))
        value = 0.0 if column in VOLUMES and bare.lower() in numerals.NOTHING else read(bare, mark)
    elif column in VOLUMES and (cell is None or cell != cell):  # noqa: PLR0124 - nan
        value = 0.0
    elif isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        value = float(cell)
    else:
        value = None
    if value is None:
        raise BadFile(table.at(row, f"{column} {shown(cell)} is not a number"))
    if not math.isfinite(value):
        raise BadFile(table.at(row, f"{column} {value} is not a finite number"))
    return value
