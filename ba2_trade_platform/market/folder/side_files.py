"""Side files: parse the optional instruments.csv and splits.csv of a price folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from ba2_trade_platform.core.base.symbols import is_symbol, spelled
from ba2_trade_platform.market.folder.bar_rows import Reading
from ba2_trade_platform.market.folder.date_forms import ORDERS
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.tables import Table, read_csv
from ba2_trade_platform.market.prices.currency_units import HUNDREDTHS
from ba2_trade_platform.market.prices.series import Split

DEFAULT_CALENDAR = "XNYS"
DEFAULT_CURRENCY = "USD"

_CURRENCY = re.compile(r"[A-Z]{3}")

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """What instruments.csv says of one symbol, and where; `unit` is in what its prices are written."""

    name: str
    exchange: str
    calendar: str
    unit: str
    place: str = ""
    reading: Reading = field(default_factory=Reading)


@dataclass
class SideFile(Generic[T]):
    """The rows of a side file by symbol; `broken` blames the whole file, `bad` the rows of one symbol."""

    rows: dict[str, list[T]] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    broken: str | None = None

    def of(self, symbol: str) -> list[T]:
        """Return the rows of one symbol, or raise BadFile when they, or the file, cannot be used."""
        sentence = self.broken or self.bad.get(symbol)
        if sentence:
            raise BadFile(sentence)
        return self.rows.get(symbol, [])

    def sentences(self) -> list[str]:
        """Return what is wrong with this file."""
        return ([self.broken] if self.broken else []) + list(self.bad.values())


def read_instruments(path: Path) -> SideFile[Listing]:
    """Read symbol and, where given, the other columns; a missing file is an empty one."""
    seen: set[str] = set()

    def listing(table: Table, row: int) -> Listing:
        symbol = spelled(table.text(row, "symbol"))
        if symbol in seen:
            raise BadFile(table.at(row, f"{symbol} is there twice"))
        seen.add(symbol)
        calendar = table.text(row, "calendar", DEFAULT_CALENDAR)
        currency = table.text(row, "currency", DEFAULT_CURRENCY)
        if currency not in HUNDREDTHS and not _CURRENCY.fullmatch(currency):
            raise BadFile(table.at(row, f"currency {currency!r} is not a code of three capitals"))
        name, exchange = table.text(row, "name", symbol), table.text(row, "exchange", calendar)
        return Listing(name, exchange, calendar, currency, table.at(row, ""), _reading(table, row))

    return _read(path, ("symbol",), listing)


def _reading(table: Table, row: int) -> Reading:
    """Return how this symbol's file is to be read where its rows cannot tell."""
    dates, decimal = table.text(row, "dates").lower() or None, table.text(row, "decimal") or None
    if dates is not None and dates not in ORDERS:
        raise BadFile(table.at(row, f"dates {dates!r} is not an order: write dmy or mdy, or nothing"))
    if decimal is not None and decimal not in {".", ","}:
        raise BadFile(table.at(row, f"decimal {decimal!r} is not a mark: write . or , or nothing"))
    return Reading(dates, decimal)


def read_splits(path: Path) -> SideFile[Split]:
    """Read symbol, date, ratio and, where given, sure; a missing file is an empty one."""
    seen: set[tuple[str, object]] = set()

    def split(table: Table, row: int) -> Split:
        day, ratio = table.date(row, "date"), table.number(row, "ratio")
        key = (spelled(table.text(row, "symbol")), day)
        if key in seen:
            raise BadFile(table.at(row, f"{key[0]} is split twice on {day}"))
        seen.add(key)
        if ratio <= 0:
            raise BadFile(table.at(row, "ratio must be above zero"))
        sure = table.text(row, "sure").lower()
        if sure not in {"", "yes", "no"}:
            raise BadFile(table.at(row, f"sure {sure[:20]!r} is neither yes nor no"))
        return Split(day, ratio, place=table.at(row, "").removesuffix(": "), sure=sure == "yes")

    return _read(path, ("symbol", "date", "ratio"), split)


def _read(path: Path, required: tuple[str, ...], row_of: Callable[[Table, int], T]) -> SideFile[T]:
    read: SideFile[T] = SideFile()
    if not path.exists():
        return read
    try:
        table = read_csv(path, required)
    except BadFile as error:
        read.broken = str(error)
        return read
    for row in range(len(table)):
        try:
            symbol = spelled(table.text(row, "symbol"))
        except BadFile as error:
            read.broken = str(error)
            return read
        if not is_symbol(symbol):
            read.broken = table.at(row, f"{symbol[:40]!r} is not a symbol")
            return read
        try:
            read.rows.setdefault(symbol, []).append(row_of(table, row))
        except BadFile as error:
            read.bad.setdefault(symbol, str(error))
    return read
