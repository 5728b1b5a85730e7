"""Price file: reads one file of daily prices in any known form, or names the wrong line and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.market.calendars.sessions import SessionCalendar
from ba2_trade_platform.market.folder import numerals
from ba2_trade_platform.market.folder.bar_order import Mended, in_order, refuse_other_periods, refuse_other_spacing
from ba2_trade_platform.market.folder.bar_rows import Reading, read_days, read_numbers
from ba2_trade_platform.market.folder.file_text import BadFile, read_text
from ba2_trade_platform.market.folder.layouts import cut, find_layout, letters, parquet_roles
from ba2_trade_platform.market.folder.price_forms import PRICES, TICKS, TIME, VOLUME
from ba2_trade_platform.market.folder.row_events import read_events
from ba2_trade_platform.market.folder.tables import Table, read_parquet
from ba2_trade_platform.market.prices.series import Dividend, Notice, RawBars, Split

PARQUET = ".parquet"
_EMPTY = {spelt for word in numerals.NOTHING for spelt in (word, word.upper(), word.title())} | {"NaN", None}
FUTURES = ("CME", "CMES", "IEPA", "us_futures")


@dataclass(frozen=True)
class PriceFile:
    """The bars of one file, the form it was read in, and what was done to it.

    `repaired` is told by the check, `notices` to the analyses that see the bar; splits and dividends are those that
    stand in its own columns.
    """

    bars: RawBars
    form: str
    repaired: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    has_volume: bool = True


@dataclass
class _Source:
    """The cells of a file before they are read."""

    table: Table
    form: str
    separator: str = ","
    order: str | None = None
    repaired: list[str] = field(default_factory=list)


def read_price_file(
    path: Path,
    calendar: SessionCalendar,
    symbol: str = "",
    reading: Reading = Reading(),  # noqa: B008 - frozen
) -> PriceFile:
    """Read `path` (text, or Parquet by its suffix): date, open, high, low and close, and volume where it has it.

    Rows on days without a session are left to the reader of the bars. Raises BadFile for the first row that cannot be
    true.
    """
    source = _parquet(path) if path.suffix.lower() == PARQUET else _text(path, symbol)
    if not len(source.table):
        raise BadFile(f"{source.table.file}, line 2: the file has no rows below its header")
    refuse_other_periods(source.table)
    table, warned = _own_rows(source.table, symbol, source.repaired)
    table = _with_prices(table, source.repaired)
    times = [str(cell) for cell in table.columns[TIME]] if TIME in table.columns else None
    dated = read_days(table, calendar, reading.dates or source.order, times)
    refuse_other_spacing(table, dated)
    named = [column for column in (*PRICES, VOLUME, TICKS) if column in table.columns]
    named = [column for column in named if column in PRICES or not all(map(_is_empty, table.columns[column]))]
    numbers = read_numbers(table, named, source.separator, reading.decimal)
    volume = _volume(numbers, source.repaired)
    columns = [*(numbers[column] for column in PRICES), np.zeros(len(table)) if volume is None else volume]
    mended = in_order(table, dated, columns)
    table = table.only(mended.rows.tolist()) if mended.repaired or mended.warned else table
    bars = RawBars(dated.days[mended.rows], *(column[mended.rows] for column in columns))
    _check_prices(table, bars, may_be_negative=_is_future(symbol, calendar))
    source.repaired.extend(_without_session(bars, calendar, bars.traded(has_volume=volume is not None)))
    if volume is None:
        source.repaired.append("no volume")
    return _finished(source, table, bars, mended, warned, has_volume=volume is not None)


def _volume(numbers: dict[str, NDArray[np.float64]], repaired: list[str]) -> NDArray[np.float64] | None:
    """Return the volume, that of ticks where no trade is counted, None where there is none."""
    volume, ticks = numbers.get(VOLUME), numbers.get(TICKS)
    if volume is not None and len(volume) > 1 and (volume == -1).all():  # so does Interactive Brokers say that none is
        volume = None
    if ticks is None or (volume is not None and volume.any()):
        return volume
    repaired.append("volume is that of ticks")
    return ticks


def _without_session(bars: RawBars, calendar: SessionCalendar, traded: NDArray[np.bool_]) -> list[str]:
    """Say which rows wait or are dropped; those that traded on a closed day are told with the bars they lie among."""
    said = []
    if idle := int((calendar.is_shut(bars.days) & ~traded).sum()):
        said.append(f"{idle:,} rows without trade on closed days left out")
    if later := int((bars.days > np.datetime64(calendar.last_day, "D")).sum()):
        said.append(f"{later:,} rows after {calendar.last_day}, the end of the {calendar.name} calendar, are not used")
    return said


def _finished(
    source: _Source, table: Table, bars: RawBars, mended: Mended, warned: Sequence[str], *, has_volume: bool
) -> PriceFile:
    splits, dividends = read_events(table, bars)
    told = [Notice(bars.days[0].item(), sentence) for sentence in warned] if len(bars.days) else []
    return PriceFile(
        bars,
        source.form,
        (*source.repaired, *mended.repaired),
        (*told, *mended.warned),
        splits,
        dividends,
        has_volume,
    )


def _text(path: Path, symbol: str) -> _Source:
    text = read_text(path)
    layout = find_layout(text, symbol)
    cells = cut(text, layout)
    form = layout.described() + ("" if text.encoding == "UTF-8" else f", {text.encoding}")
    table = Table(path.name, "line", cells.lines, dict(cells.columns))
    return _Source(table, form, layout.separator, layout.form.order, [*cells.left_out])


def _parquet(path: Path) -> _Source:
    return _Source(read_parquet(path, parquet_roles), "Parquet")


def _own_rows(table: Table, symbol: str, repaired: list[str]) -> tuple[Table, list[str]]:
    """Return the rows of this symbol where a column names several. Raises BadFile when none is of it."""
    cells = table.columns.get("symbol")
    if cells is None:
        return table, []
    names = list(dict.fromkeys(str(cell).strip() for cell in cells if cell))
    if len(names) <= 1:
        return table, [_other_name(table, names[0], symbol)] if names and _differs(names[0], symbol) else []
    own = [row for row, cell in enumerate(cells) if letters(str(cell)) == letters(symbol)]
    if not own:
        shown = ", ".join(names[:6])
        raise BadFile(
            f"{table.file} holds {len(names):,} symbols ({shown}), none of which is {symbol}: one file a symbol"
        )
    repaired.append(f"{len(names):,} symbols: the {len(own):,} rows of {symbol} are used")
    return table.only(own), []


def _differs(name: str, symbol: str) -> bool:
    """Tell whether a file is about another symbol: AAPL.US and AAPL are alike, and a company's name tells nothing."""
    said, wanted = letters(name), letters(symbol)
    if not wanted or not said or name != name.upper() or " " in name.strip():
        return False
    return not (said.startswith(wanted) or wanted.startswith(said))


def _other_name(table: Table, name: str, symbol: str) -> str:
    return f"{table.file} says of itself that it is about {name[:32]}, and is read as {symbol}"


def _with_prices(table: Table, repaired: list[str]) -> Table:
    """Return the rows that have a price at all; tools write a line for a day without trade."""
    closes = table.columns["close"]
    empty = [row for row, cell in enumerate(closes) if _is_empty(cell)]
    gone = {row for row in empty if all(_is_empty(table.columns[column][row]) for column in PRICES)}
    if not gone:
        return table
    if len(gone) == len(table):
        raise BadFile(table.at(0, "no row has a price"))
    shown = ", ".join(str(table.lines[row]) for row in sorted(gone)[:5])
    repaired.append(f"{len(gone):,} rows without a price left out ({table.unit} {shown})")
    return table.only([row for row in range(len(table)) if row not in gone])


def _is_empty(cell: object) -> bool:
    return cell in _EMPTY or cell != cell  # noqa: PLR0124 - nan


def _is_future(symbol: str, calendar: SessionCalendar) -> bool:
    return symbol.endswith("=F") or calendar.name.startswith(FUTURES)


def _check_prices(table: Table, bars: RawBars, *, may_be_negative: bool) -> None:
    def impossible(column: str) -> tuple[NDArray[np.bool_], str]:
        values = getattr(bars, column)
        if may_be_negative:
            return values == 0, f"{column} must not be zero"
        futures = ": only a future may trade below, named as such by =F or by its calendar in instruments.csv"
        return values <= 0, f"{column} must be above zero{futures if (values < 0).any() else ''}"

    checks = [impossible(column) for column in PRICES]
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
