"""Bar order: puts rows in the order of their days, each day once, and refuses bars that are not daily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.market.folder.bar_rows import Dated
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.tables import Table
from ba2_trade_platform.market.prices.series import Notice

_PERIODS = ((4.5, 9, "weekly"), (25, 35, "monthly"), (80, 100, "quarterly"), (350, 380, "yearly"))
SEVERAL = 3  # bars a day; two are a file that was joined to itself
_SHOWN = 3
_DAILY = frozenset({"d", "1d", "daily", "day", "1day", "d1", "1440"})
Days = NDArray[np.datetime64]


@dataclass
class Mended:
    """The rows that remain, by their place in the file; what was done to get there, and what is told to analyses."""

    rows: NDArray[np.int64]
    repaired: list[str] = field(default_factory=list)
    warned: list[Notice] = field(default_factory=list)


def refuse_other_periods(table: Table) -> None:
    """Raise BadFile for a file that says itself that its bars are not daily."""
    for row, cell in enumerate(table.columns.get("period", ())):
        if str(cell).strip().lower() not in _DAILY:
            raise BadFile(table.at(row, f"the period is {str(cell)[:20]!r}: daily bars (D) are needed"))


def refuse_other_spacing(table: Table, dated: Dated) -> None:
    """Raise BadFile for weekly, monthly or intraday bars."""
    days = np.unique(dated.days)
    newest = int((dated.days == days[-1]).sum())  # of which a session under way may have two
    before = len(table) - newest
    if dated.seconds is not None and (newest > 3 or len(days) - 1 < 0.7 * before):
        raise BadFile(f"{table.file} holds {_intraday(dated)} bars: daily ones are needed")
    if dated.seconds is None and len(days) > 1 and len(table) >= SEVERAL * len(days):
        each = f"{len(table) / len(days):.0f} bars a day, such as those of {days[0]}"
        raise BadFile(f"{table.file} holds {each}: daily ones are needed, one a day")
    if len(days) < 4:
        return
    usual = float(np.median(np.diff(days.astype(np.int64))))
    for least, most, name in _PERIODS:
        if least <= usual <= most:
            raise BadFile(f"{table.file} holds {name} bars, {usual:g} days apart: daily ones are needed")


def _intraday(dated: Dated) -> str:
    if dated.seconds is None:
        return "intraday"
    instants = dated.days.astype(np.int64) * 86_400.0 + dated.seconds
    apart = np.median(np.abs(np.diff(instants))) / 60
    return f"hourly ({apart / 60:g} h)" if apart >= 60 else f"intraday ({apart:g} min)"


def in_order(table: Table, dated: Dated, same: Sequence[NDArray[np.float64]]) -> Mended:
    """Return the rows oldest first and each day once; `same` are the columns by which equal rows are told.

    Newest first is turned round. An equal row that is there twice counts once; of the newest day's two bars the later
    counts, which a tool adds while a session is under way, with a warning. Raises BadFile for another order, and
    for two different bars of an earlier day.
    """
    days = dated.days
    mended = Mended(np.arange(len(days)))
    apart: NDArray[np.int64] = np.diff(days.astype(np.int64)).astype(np.int64)
    if (apart < 0).any():
        if (apart > 0).any():
            _refuse_disorder(table, days, apart)
        mended.rows = mended.rows[::-1]
        mended.repaired.append("newest first: turned round")
    ordered = days[mended.rows]
    again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    if len(again):
        _once_each(table, ordered, again, same, mended)
    return mended


def _refuse_disorder(table: Table, days: Days, apart: NDArray[np.int64]) -> None:
    falls, rises = int((apart < 0).sum()), int((apart > 0).sum())
    wrong = np.flatnonzero(apart < 0 if falls <= rises else apart > 0)
    row = int(wrong[0]) + 1
    if len(wrong) == 1 and days[row] in days[:row]:
        raise BadFile(table.at(row, f"the days begin again with {days[row]}: two files were joined; keep one"))
    raise BadFile(table.at(row, f"date {days[row]} comes after {days[row - 1]}; sort by date"))


def _once_each(
    table: Table, ordered: Days, again: NDArray[np.int64], same: Sequence[NDArray[np.float64]], mended: Mended
) -> None:
    kept = np.ones(len(ordered), dtype=bool)
    equals: list[str] = []
    rows, newest = mended.rows, ordered[-1]
    for place in again.tolist():
        first, second = int(rows[place - 1]), int(rows[place])
        equal = all(column[first] == column[second] for column in same)
        if not equal and ordered[place] != newest:
            raise BadFile(
                table.at(
                    max(first, second),
                    f"date {ordered[place]} is there twice, with other prices in {table.unit} "
                    f"{table.lines[min(first, second)]}: keep one",
                )
            )
        kept[place - 1] = False
        lines = f"{table.unit}s {table.lines[first]} and {table.lines[second]}"
        if equal:
            equals.append(f"{ordered[place]} is there twice and equal ({lines}): once")
        else:
            sentence = f"{table.file} has two bars of {ordered[place]} ({lines}); the later one is used"
            mended.warned.append(Notice(ordered[place].item(), sentence))
    more = len(equals) - _SHOWN
    mended.repaired += equals if more <= 0 else [*equals[:_SHOWN], f"{more:,} more days twice and equal: once"]
    mended.rows = rows[kept]
