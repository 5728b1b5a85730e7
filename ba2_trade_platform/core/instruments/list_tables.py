"""List tables: parts a file's text into lines of cells, and finds the one that names the columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ba2_trade_platform.core.base.errors import Impossible
from ba2_trade_platform.core.instruments.list_columns import SYMBOL, heading, is_known, names_symbols

FIRST_LINES = 20  # among which the columns are named
MOST_COLUMNS = 100
_SEPARATOR = re.compile(r'\s*"?sep=(?P<sign>[^"\r\n]|\\t)"?[,;\t]*\s*', re.IGNORECASE)
_DELIMITERS = ",;\t|"
_OPEN = re.compile(
    r"open positions|offene positionen|positions ouvertes|posiciones abiertas|posizioni aperte|open posities",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    """One line of a file; `problem` says why it has no cells."""

    number: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """A file in lines. `head` names the columns, None where no line does; `rows` are those behind it, or all."""

    head: Row | None
    rows: Iterator[Row]
    delimiter: str
    first: tuple[Row, ...]  # the first lines, whatever they hold


def read_table(text: str, column: str | None = None) -> Table:
    """Part a text; `column` is the heading, or the number, of the column that a person says names the symbols."""
    text, delimiter = _after_separator(text.removeprefix("\ufeff"))
    delimiter = delimiter or max(_DELIMITERS, key=lambda sign: _fit(text, sign, column))
    first = tuple(islice(_rows(text, delimiter), FIRST_LINES))
    rows = _statement(_rows(text, delimiter)) if _is_statement(first) else _rows(text, delimiter)
    seen = tuple(islice(rows, FIRST_LINES))
    place = _head_place(seen, column)
    rows = _joined(seen[0 if place is None else place + 1 :], rows)
    return Table(None if place is None else seen[place], rows, delimiter, seen)


def column_place(head: Row | None, column: str | None) -> int:
    """Return which column names the symbols: the chosen one, else the first that does. Raises Invalid."""
    if column is not None and (column.isdigit() and 1 <= int(column) <= MOST_COLUMNS):
        return int(column) - 1
    names = [heading(cell) for cell in head.cells] if head else []
    wanted = {heading(column)} if column is not None else SYMBOL
    return next(place for place, name in enumerate(names) if name in wanted)


def no_column(table: Table, column: str | None) -> Impossible:
    """Return why a file is not read: no line names a column of symbols, or none of that name."""
    widest = max(table.first, key=lambda row: sum(map(bool, row.cells)), default=None)
    offers = [cell.strip() for cell in widest.cells if cell.strip()][:MOST_COLUMNS] if widest else []
    shown = ", ".join(offer[:40] for offer in offers[:12])
    if column is not None:
        sentence = f"None of the first {FIRST_LINES} lines has a column {column[:40]}: {shown}"
        return Impossible(sentence, code="COLUMN_UNKNOWN", columns=offers)
    where = f"; line {widest.number} has {shown}: choose which of them, or its number" if widest else ""
    sentence = f"None of the first {FIRST_LINES} lines names a column symbol or ticker{where}"
    return Impossible(sentence, code="COLUMN_UNKNOWN", columns=offers)


def _after_separator(text: str) -> tuple[str, str | None]:
    """Take away the line by which a spreadsheet is told what parts the cells, and return that."""
    line, end, rest = text.partition("\n")
    told = _SEPARATOR.fullmatch(line) if end else None
    if told is None:
        return text, None
    sign = "\t" if told["sign"] == "\\t" else told["sign"]
    return "\n" + rest, sign  # the empty line keeps the numbers of the others


def _fit(text: str, delimiter: str, column: str | None) -> tuple[int, int]:
    """Return how well a sign parts a text: how many columns its head has then, else how often it stands in front."""
    first = tuple(islice(_rows(text, delimiter), FIRST_LINES))
    place = _head_place(first, column)
    columns = 0 if place is None else len(first[place].cells)
    return columns, max((len(row.cells) for row in first), default=0)


def _head_place(rows: Sequence[Row], column: str | None) -> int | None:
    by_number = column is not None and column.isdigit()
    wanted = SYMBOL if column is None or by_number else frozenset({heading(column)})
    heads = [{heading(cell) for cell in row.cells if cell.strip()} for row in rows]
    found = [place for place, names in enumerate(heads) if names & wanted]
    # A title may be such a word by itself.
    wide = [place for place in found if len(heads[place]) > 1]
    if by_number and not found:
        wide = [place for place, names in enumerate(heads) if len(names) > 1 and any(map(is_known, names))]
    return next(iter(wide or found), None)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Yield the lines that are not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(reader.line_num, [], f"cannot be read: {error}")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield Row(reader.line_num, cells)


def _joined(first: Iterable[Row], rest: Iterable[Row]) -> Iterator[Row]:
    yield from first
    yield from rest


def _is_statement(first: Sequence[Row]) -> bool:
    """Tell whether each line begins with its section and its part in it, as in an activity statement."""
    parts = [row.cells[1] for row in first if len(row.cells) > 2]
    return bool(parts) and {"Header", "Data"} <= set(parts) and len(parts) == len(first)


def _statement(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the one section of a statement that lists positions, its head first. Raises Impossible."""
    kept = list(rows)
    named = {row.cells[0]: None for row in kept if row.cells[1:2] == ["Header"] and names_symbols(row.cells)}
    chosen = [name for name in named if _OPEN.fullmatch(name.strip())] or list(named)
    if len(chosen) > 1:
        sentence = f"The statement names symbols in {', '.join(chosen)}: keep the lines of one of them"
        raise Impossible(sentence, code="COLUMN_UNKNOWN")
    for row in kept:
        if row.cells[:1] == chosen and row.cells[1:2] in (["Header"], ["Data"]):
            yield Row(row.number, row.cells[2:])
