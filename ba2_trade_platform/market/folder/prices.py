"""Folder prices: a provider that reads the user's own files, `SYMBOL.csv` or `SYMBOL.parquet`.

In which forms tools write prices, and what is asked of splits.csv and instruments.csv beside them, is told to users
in docs/price-folder.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.symbols import symbol_of_stem
from ba2_trade_platform.core.contracts.experts import Bars, ExpertError, InstrumentInfo
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.sessions import SessionCalendar
from ba2_trade_platform.market.folder.file_cache import FileCache
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.price_file import PARQUET, PriceFile, read_price_file
from ba2_trade_platform.market.folder.side_files import (
    DEFAULT_CALENDAR,
    DEFAULT_CURRENCY,
    Listing,
    SideFile,
    read_instruments,
    read_splits,
)
from ba2_trade_platform.market.prices.currency_units import scale_of
from ba2_trade_platform.market.prices.series import Series, Split
from ba2_trade_platform.market.symbols import unknown_symbol
from ba2_trade_platform.vocabulary import ErrorCode

INSTRUMENTS = "instruments.csv"
SPLITS = "splits.csv"


class FolderPrices:
    """A folder of price files behind the Prices contract; files are read when needed and again when they change.

    A symbol is only ever looked up among the names the folder lists, so that none can lead out of it.
    """

    name: str = "folder"

    def __init__(self, path: Path, clock: Clock, calendars: DeskCalendars | None = None) -> None:
        self.calendars = calendars or DeskCalendars()
        self.path = path
        self.clock = clock
        self._cache = FileCache()

    def instruments(self) -> Sequence[InstrumentInfo]:
        """Return every symbol that has a file, by symbol, its bars unread; none when the folder is missing."""
        try:
            return [self._info(symbol) for symbol in sorted(self.files())]
        except BadFile:
            return []

    def instrument(self, symbol: str) -> InstrumentInfo:
        """Return one symbol's description.

        Raises ExpertError SYMBOL_INVALID naming the symbol and the nearest ones, DATA_MISSING without a folder.
        """
        self._files_of(symbol)
        return self._info(symbol)

    def bars(self, symbol: str, as_of: datetime, limit: int | None = None) -> Bars:
        """Return the newest `limit` bars visible at the aware instant `as_of`; see Prices.

        Raises ExpertError DATA_MISSING with file, line and reason when the symbol's files cannot be used.
        """
        history = self._history(symbol)
        if isinstance(history, str):
            raise ExpertError(ErrorCode.DATA_MISSING, history)
        return history.bars_at(as_of, limit)

    def instant_of(self, day: date, symbol: str | None = None) -> datetime:
        """Return the UTC close of the session on `day`, or of the last before it, on the symbol's exchange or XNYS.

        Raises ExpertError BAD_REQUEST for a day before the calendar, CALENDAR_ENDS for one after it,
        DATA_MISSING for an unknown one.
        """
        if symbol is None:
            return self.calendars.get(DEFAULT_CALENDAR).close_on_or_before(day)
        self._files_of(symbol)
        try:
            return self._calendar(self._listing(symbol)).close_on_or_before(day)
        except BadFile as error:
            raise ExpertError(ErrorCode.DATA_MISSING, str(error)) from error

    def problems(self) -> list[str]:
        """Read every file and return a sentence for each one that cannot be used; empty when all is well."""
        try:
            files = self.files()
        except BadFile as error:
            return [str(error)]
        sentences = self.side_problems()
        for history in (self._history(symbol) for symbol in sorted(files)):
            sentences += [history] if isinstance(history, str) else history.contradictions()
        return list(dict.fromkeys(sentences))

    def side_problems(self) -> list[str]:
        """Return what is wrong with names of files, splits.csv and instruments.csv; raises BadFile without a folder."""
        sentences = [
            f"{path.name}: the name is not a symbol" for path in self._price_paths() if not symbol_of_stem(path.stem)
        ]
        return sentences + self._instruments().sentences() + self._splits().sentences()

    def calendar_name(self, symbol: str) -> str:
        """Return the name of the calendar by which a symbol trades."""
        return self._listing(symbol).calendar

    def calendar_of(self, symbol: str) -> SessionCalendar:
        """Return the calendar by which a symbol trades, as the desk corrects it; raises BadFile for an unknown one."""
        return self._calendar(self._listing(symbol))

    def told_of(self, symbol: str) -> tuple[object, ...]:
        """Return all that its side files and its calendar say of a symbol; its prices depend on nothing else."""
        instruments, splits = self._instruments(), self._splits()
        blame = (instruments.broken, splits.broken, instruments.bad.get(symbol), splits.bad.get(symbol))
        made = [(split.day, split.ratio, split.place, split.sure) for split in splits.rows.get(symbol, ())]
        try:
            calendar = self.calendar_of(symbol).digest
        except BadFile as error:
            calendar = str(error)
        return (self._listing(symbol), made, blame, calendar)

    def _price_paths(self) -> list[Path]:
        """Return the price files of the folder by name, or raise BadFile when it cannot be listed."""
        try:
            entries = sorted(self.path.iterdir())
        except OSError as error:
            raise BadFile(f"The price folder {self.path} cannot be read: {error.strerror}") from error
        return [
            entry
            for entry in entries
            if entry.suffix.lower() in {".csv", PARQUET}
            and entry.name.lower() not in {INSTRUMENTS, SPLITS}
            and not entry.name.startswith(".")
        ]

    def files(self) -> dict[str, list[Path]]:
        """Return the files of each symbol, by name; raises BadFile when the folder cannot be read."""
        files: dict[str, list[Path]] = {}
        for path in self._price_paths():
            if symbol := symbol_of_stem(path.stem):
                files.setdefault(symbol, []).append(path)
        return files

    def _files_of(self, symbol: str) -> list[Path]:
        try:
            files = self.files()
        except BadFile as error:
            raise ExpertError(ErrorCode.DATA_MISSING, str(error)) from error
        if symbol not in files:
            raise unknown_symbol(symbol, files)
        return files[symbol]

    def _instruments(self) -> SideFile[Listing]:
        path = self.path / INSTRUMENTS
        return self._cache.get(INSTRUMENTS, [path], lambda: read_instruments(path))

    def _splits(self) -> SideFile[Split]:
        path = self.path / SPLITS
        return self._cache.get(SPLITS, [path], lambda: read_splits(path))

    def _listing(self, symbol: str) -> Listing:
        listed = self._instruments().rows.get(symbol)
        return listed[0] if listed else Listing(symbol, DEFAULT_CALENDAR, DEFAULT_CALENDAR, DEFAULT_CURRENCY)

    def _info(self, symbol: str) -> InstrumentInfo:
        listing = self._listing(symbol)
        _, currency = scale_of(listing.unit)
        return InstrumentInfo(symbol, listing.name, listing.exchange, currency, listing.calendar)

    def _history(self, symbol: str) -> Series | str:
        """Return the symbol's bars, or the sentence on what is wrong with its files; kept until a file changes."""
        paths = self._files_of(symbol)
        made_of = [*paths, self.path / INSTRUMENTS, self.path / SPLITS, *self.calendars.files]
        return self._cache.get(f"bars of {symbol}", made_of, partial(self._read, symbol, paths))

    def read_file(self, symbol: str, paths: Sequence[Path]) -> tuple[PriceFile, Series]:
        """Read a symbol's file without keeping it, and its bars as analyses see them; raises BadFile."""
        if len(paths) > 1:
            raise BadFile(f"{symbol} has two files, {' and '.join(path.name for path in paths)}: keep one")
        self._instruments().of(symbol)
        splits, listing = self._splits().of(symbol), self._listing(symbol)
        calendar = self._calendar(listing)
        file = read_price_file(paths[0], calendar, symbol, listing.reading)
        return file, _series(self._info(symbol), calendar, file, splits, scale_of(listing.unit)[0])

    def _read(self, symbol: str, paths: Sequence[Path]) -> Series | str:
        try:
            return self.read_file(symbol, paths)[1]
        except BadFile as error:
            return str(error)

    def _calendar(self, listing: Listing) -> SessionCalendar:
        try:
            return self.calendars.get(listing.calendar)
        except ValueError as error:
            raise BadFile(f"{listing.place}{error}") from error


def _series(
    info: InstrumentInfo, calendar: SessionCalendar, file: PriceFile, listed: Sequence[Split], scale: float
) -> Series:
    """Return a file's bars with the splits of splits.csv, and with its own where the list has none of that day."""
    days = {split.day for split in listed}
    splits = [*listed, *(split for split in file.splits if split.day not in days)]
    dividends = [replace(dividend, amount=dividend.amount * scale) for dividend in file.dividends]
    return Series(info, calendar, file.bars.in_unit(scale), splits, dividends, file.notices, has_volume=file.has_volume)
