"""CSV format: reads files as spreadsheets and brokers write them, and writes them so that no cell becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ba2_trade_platform.core.base.errors import Impossible
from ba2_trade_platform.core.base.text_encodings import MOST_BYTES
from ba2_trade_platform.core.instruments.list_columns import heading, is_known, meaning, names_symbols
from ba2_trade_platform.core.instruments.list_rows import POSITION, RowKind, RowReading, reading_of
from ba2_trade_platform.core.instruments.list_tables import (
    MOST_COLUMNS,
    Row,
    Table,
    column_place,
    no_column,
    read_table,
)
from ba2_trade_platform.core.instruments.symbol_spellings import spellings

MOST_LINES = 20_000
INSTRUMENT_COLUMNS = ("symbol", "name", "type", "exchange", "currency", "calendar", "labels")
WATCHLIST_COLUMNS = ("watchlist", "symbol")
_ALIASES = frozenset({"ticker", "list", "tags", "label", "mic"})
_NOTHING = frozenset({"-", "--", "n/a", "N/A"})
_AS_TEXT = re.compile(r'\s*="([^"]*)"\s*')
_SECTION = "###"
# What some brokers call the type is how a position is held or came about.
_HELD = frozenset({"cash", "margin", "short", "long", "buy", "sell"})
_SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# A spreadsheet takes a cell that begins with one of these for a formula, which may call other programs; and one that
# parts cells by another character than ours sees cells begin in the midst of ours, quotes or not. An apostrophe in
# front makes it a text, one more than there may be already, so that reading can take it away again.
_FORMULA = r"""(?=(?:["']|[^\S\n])*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])"""
_BEGIN = re.compile(rf"(\A|[;,\t\r\n]){_FORMULA}")
_PREFIXED = re.compile(rf"(\A|[;,\t\r\n])'{_FORMULA}")


@dataclass(frozen=True)
class FileLine:
    """One line of a file by column; `problem` says why it cannot be read, `reading` what it is."""

    number: int
    cells: dict[str, str]
    problem: str = ""
    reading: RowReading = POSITION


@dataclass(frozen=True)
class ReadFile:
    """What a file holds; `ignored` are columns that mean nothing here, `headings` all as they stand in the file.

    `is_ours`: it has only the columns that an export has, so that no broker's line stands in it.
    """

    columns: frozenset[str]
    lines: tuple[FileLine, ...]
    ignored: tuple[str, ...]
    headings: tuple[str, ...] = ()
    column: str = ""
    sentence: str = ""
    is_ours: bool = True


def read_file(
    text: str, known: Sequence[str], needed: Sequence[str], column: str | None = None, *, plain: bool = False
) -> ReadFile:
    """Read a file of which one of the first lines names the columns, in any order; `,`, `;`, tabs or `|` part them.

    `column` is the heading or the number of the one that a person says has the symbols; `plain`: a file without a
    heading that holds nothing but symbols is read too. Raises Invalid.
    """
    if len(text) > MOST_BYTES:
        raise Impossible(
            f"The file has {len(text):,} characters, {MOST_BYTES:,} at most: part it", code="FILE_TOO_LARGE"
        )
    table = read_table(text, column)
    if not table.first:
        raise Impossible(
            f"The file is empty: its first line names the columns {', '.join(known)}", code="FILE_UNREADABLE"
        )
    if table.head is None and column is None:
        if plain and _is_plain(table):
            return _plain_list(table)
        raise no_column(table, column)
    if table.head is None and not (column or "").isdigit():
        raise no_column(table, column)
    return _in_columns(table, known, needed, column)


def _in_columns(table: Table, known: Sequence[str], needed: Sequence[str], column: str | None) -> ReadFile:
    head = table.head.cells if table.head else []
    place = column_place(table.head, column)
    names = _names(head, place, known)
    if missing := [name for name in needed if name not in names.values()]:
        where = f"Line {table.head.number} names the columns" if table.head else "No line names the columns"
        sentence = f"{where}, and none of them is {' or '.join(missing)}"
        more = ": choose the watchlist that all symbols go to" if "watchlist" in missing else ""
        raise Impossible(sentence + more, code="COLUMN_MISSING")
    is_ours = all(heading(cell) in {*known, *_ALIASES, ""} for cell in head)
    shown = head[place].strip() if place < len(head) else f"{place + 1}"
    others = [cell.strip() for spot, cell in enumerate(head) if spot != place and meaning(heading(cell)) == "symbol"]
    lines: list[FileLine] = []
    for row in table.rows:
        if len(lines) >= MOST_LINES:
            raise Impossible(f"The file has more than {MOST_LINES:,} lines: part it", code="FILE_TOO_LARGE")
        if not is_ours and _is_head(row):  # another account, another table
            place = column_place(row, column) if column is None else place
            names = _names(row.cells, place, known)
        else:
            lines.append(_line(row, names, is_ours=is_ours, has_head=bool(head)))
    ignored = tuple(dict.fromkeys(name for name in names.values() if name and name not in known))
    said = f"Line {table.head.number} names the columns" if table.head else "No line names the columns"
    said += f", parted by {_SIGNS.get(table.delimiter, table.delimiter)}; {shown} is read"
    sentence = said + (f", not {' and '.join(others)}" if others else "")
    headings = tuple(filter(None, map(str.strip, head)))
    return ReadFile(frozenset(names.values()), tuple(lines), ignored, headings, shown, sentence, is_ours)


def _plain_list(table: Table) -> ReadFile:
    lines = [
        FileLine(row.number, {"symbol": cell.strip()}, row.problem, _plain_reading(cell))
        for row in (*table.rows,)
        for cell in row.cells or [""]
        if cell.strip() or row.problem
    ]
    if len(lines) > MOST_LINES:
        raise Impossible(f"The file has more than {MOST_LINES:,} symbols: part it", code="FILE_TOO_LARGE")
    return ReadFile(frozenset({"symbol"}), tuple(lines), (), sentence="A list of symbols without headings is read")


def _plain_reading(cell: str) -> RowReading:
    if cell.strip().startswith(_SECTION):
        return RowReading(RowKind.PASSED_OVER, "a section")
    return reading_of(cell, {}, [], is_ours=True)


def _is_plain(table: Table) -> bool:
    """Tell whether a file holds nothing but symbols: one a line, all on one line, or each with its exchange."""
    rows = [[cell.strip() for cell in row.cells if cell.strip()] for row in table.first]
    cells = [cell for row in rows for cell in row]
    symbols = [cell for cell in cells if not cell.startswith(_SECTION)]
    alone = len(rows) == 1 or all(len(row) == 1 for row in rows) or all(":" in symbol for symbol in symbols)
    if any(row.problem for row in table.first) or any(is_known(heading(cell)) for cell in cells):
        return False
    return bool(symbols) and alone and all(map(spellings, symbols))


def _is_head(row: Row) -> bool:
    cells = [cell for cell in row.cells if cell.strip()]
    return len(cells) > 1 and names_symbols(cells) and not any(sign.isdigit() for cell in cells for sign in cell)


def written(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a file that `read_file` reads again: UTF-8 with its mark for spreadsheets, a line for each row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([_BEGIN.sub(r"\1'", cell) for cell in row] for row in rows)
    return "\ufeff" + text.getvalue()


def _alone(symbol: str) -> RowReading:
    """Return what the only cell of a line is in a table of several columns: a title, or perhaps a symbol."""
    if spellings(symbol):
        return RowReading(RowKind.DOUBTFUL, f"{symbol} stands alone in its line, as a title does")
    return RowReading(RowKind.PASSED_OVER, "a note")


def _names(head: Sequence[str], place: int, known: Sequence[str]) -> dict[int, str]:
    """Return what each column holds by its place: the column's own heading counts more than one that means the same."""
    headings = [heading(cell) for cell in head]
    if len(headings) > MOST_COLUMNS:
        sentence = f"The first line names {len(headings):,} columns, {MOST_COLUMNS} at most"
        raise Impossible(sentence, code="FILE_UNREADABLE")
    if twice := [name for name in known if headings.count(name) > 1]:
        raise Impossible(f"The column {twice[0]} stands twice in its line", code="FILE_UNREADABLE")
    names = {place: "symbol"}
    for spot in sorted(range(len(headings)), key=lambda spot: meaning(headings[spot]) != headings[spot]):
        found = meaning(headings[spot])
        if spot != place:
            names[spot] = headings[spot] if found == "symbol" or found in names.values() else found
    return names


def _unwrapped(cell: str, *, is_ours: bool) -> str:
    """Return a cell without what says to a spreadsheet that it is a text."""
    if told := _AS_TEXT.fullmatch(cell):
        return told[1]
    return _PREFIXED.sub(r"\1", cell) if is_ours else cell


def _line(row: Row, names: dict[int, str], *, is_ours: bool, has_head: bool) -> FileLine:
    if row.problem:
        return FileLine(row.number, {}, row.problem)
    cells = list(row.cells)
    while len(cells) > len(names) and not cells[-1].strip():
        cells.pop()
    plain = [_unwrapped(cell, is_ours=is_ours).strip() for cell in cells]
    by_name = {names[spot]: cell for spot, cell in enumerate(plain) if names.get(spot)}
    if not is_ours:
        by_name = {name: "" if cell in _NOTHING and name != "symbol" else cell for name, cell in by_name.items()}
        if by_name.get("type", "").casefold() in _HELD:
            del by_name["type"]
    symbol = by_name.get("symbol", "")
    others = [cell for spot, cell in enumerate(plain) if cell and names.get(spot) != "symbol"]
    reading = reading_of(symbol, by_name, others, is_ours=is_ours)
    if len(row.cells) == 1 and len(names) > 2 and reading.kind is RowKind.POSITION:
        reading = _alone(symbol)
    if has_head and len(cells) > len(names) and reading.kind is not RowKind.PASSED_OVER:
        return FileLine(row.number, {}, f"has {len(cells)} cells, the headings are {len(names)}")
    return FileLine(row.number, by_name, reading=reading)
