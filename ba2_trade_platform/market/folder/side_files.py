"""Side files: parse the optional instruments.csv and splits.csv of a price folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from ba2_trade_platform.market.folder.tables import BadFile, Table, read_csv
from ba2_trade_platform.market.prices.series import Split
from ba2_trade_platform.market.symbols import is_symbol

DEFAULT_CALENDAR = "XNYS"
DEFAULT_CURRENCY = "USD"

_CURRENCY = re.compile(r"[A-Z]{3}")

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """What instruments.csv says of one symbol, and where."""

    name: str
    exchange: str
    calendar: str
    currency: str
    place: str = ""


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
    """Read symbol and, where given, name, exchange, calendar and currency; a missing file is an empty one."""
    seen: set[str] = set()

    def listing(table: Table, row: int) -> Listing:
        symbol = table.text(row, "symbol")
        if symbol in seen:
            raise BadFile(table.at(row, f"{symbol} is there twice"))
        seen.add(symbol)
        calendar = table.text(row, "calendar", DEFAULT_CALENDAR)
        currency = table.text(row, "currency", DEFAULT_CURRENCY)
        if not _CURRENCY.fullmatch(currency):
            raise BadFile(table.at(row, f"currency {currency!r} is not a code of three capitals"))
        name, exchange = table.text(row, "name", symbol), table.text(row, "exchange", calendar)
        return Listing(name, exchange, calendar, currency, place=table.at(row, ""))

    return _read(path, ("symbol",), listing)


def read_splits(path: Path) -> SideFile[Split]:
    """Read symbol, date and ratio; a missing file is an empty one."""
    seen: set[tuple[str, object]] = set()

    def split(table: Table, row: int) -> Split:
        day, ratio = table.date(row, "date"), table.number(row, "ratio")
        key = (table.text(row, "symbol"), day)
        if key in seen:
            raise BadFile(table.at(row, f"{key[0]} is split twice on {day}"))
        seen.add(key)
        if ratio <= 0:
            raise BadFile(table.at(row, "ratio must be above zero"))
        return Split(day, ratio)

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
        symbol = table.text(row, "symbol")
        if not is_symbol(symbol):
            read.broken = table.at(row, f"{symbol!r} is not a symbol in capitals")
            return read
        try:
            read.rows.setdefault(symbol, []).append(row_of(table, row))
        except BadFile as error:
            read.bad.setdefault(symbol, str(error))
    return read
