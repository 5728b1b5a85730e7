"""Row events: reads dividends and splits that stand in the bars' own rows, and proves each by its prices."""

from __future__ import annotations

from collections.abc import Iterator

from ba2_trade_platform.market.folder import numerals
from ba2_trade_platform.market.folder.tables import Table
from ba2_trade_platform.market.prices.plausibility import closes_gap
from ba2_trade_platform.market.prices.series import Dividend, RawBars, Split


def read_events(table: Table, bars: RawBars) -> tuple[tuple[Split, ...], tuple[Dividend, ...]]:
    """Return the splits and dividends of the columns beside the prices; row i of the table is bar i.

    A split counts only where the price falls or rises by it: Yahoo's prices are adjusted already, and its column only
    tells so. Its row is known at the close of its session, and so is the split.
    """
    splits = tuple(
        Split(bars.days[row].item(), 1 / value, table.at(row, "").removesuffix(": "), at_close=True)
        for row, value in _values(table, "split")
        if row and value != 1 and closes_gap(bars, row, 1 / value)
    )
    dividends = tuple(Dividend(bars.days[row].item(), value) for row, value in _values(table, "dividend"))
    return splits, dividends


def _values(table: Table, column: str) -> Iterator[tuple[int, float]]:
    """Return the rows with something in a column; a cell that is no number above zero says nothing."""
    for row, cell in enumerate(table.columns.get(column, ())):
        if cell in {"", "0", "0.0", "0.0000", "1.0", None}:
            continue
        bare = numerals.bare(str(cell))
        value = numerals.number(bare, numerals.evidence(bare).decides or ".")
        if value is not None and 0 < value < float("inf"):
            yield row, value
