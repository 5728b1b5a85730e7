"""Layouts: find separator, title lines and header of a text of prices, and cut it into the columns that are used."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ba2_trade_platform.market.folder.file_text import BadFile, FileText, is_clean
from ba2_trade_platform.market.folder.price_forms import (
    DATE,
    PRICES,
    UNNAMED,
    VOLUME,
    Form,
    form_of,
    headerless_form,
    plain,
    roles_of,
)
from ba2_trade_platform.market.folder.tables import DECLARED, shown

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
NEEDED = (DATE, *PRICES)
TITLE_LINES = 40
_LEVELS = re.compile(r"\('([^']*)', '[^']*'\)")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_][^\d]*")
_FOOTER = re.compile(r"[^\W\d].*\s\S+.*")


@dataclass(frozen=True)
class Layout:
    """Where the table of a text begins and which column plays which part; `first` is its first line of bars, from 0.

    `width` is how many cells a row has; `owners` are the symbols above the columns where a header of three lines names
    them.
    """

    separator: str
    form: Form
    first: int
    width: int
    roles: dict[str, int]
    titles: int = 0
    owners: tuple[str, ...] = ()

    def described(self) -> str:
        """Say how the text was understood."""
        parts = [self.form.title]
        if self.separator != ",":
            parts.append(f"parted by {SEPARATORS.get(self.separator, repr(self.separator))}")
        if self.owners:
            parts.append("header of three lines")
        if self.titles:
            parts.append(f"{self.titles} title {'line' if self.titles == 1 else 'lines'}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Cells:
    """The used columns of a text by their part; row i stood on `lines[i]`."""

    layout: Layout
    lines: list[int]
    columns: dict[str, Sequence[str]]
    left_out: tuple[str, ...] = ()


def find_layout(source: FileText, symbol: str) -> Layout:
    """Return how a text is laid out, or raise BadFile with what is missing in it."""
    lines = source.text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise BadFile(f"{source.file}, line 1: the file is empty")
    declared = DECLARED.fullmatch(lines[first].strip())
    separators = [declared[1]] if declared else list(SEPARATORS)
    begin = first + 1 if declared else first
    titles = 0
    for at in range(begin, min(begin + TITLE_LINES, len(lines))):
        found = _best_header(lines, at, separators)
        if found:
            return _with_header(source.file, lines, at, found, titles, symbol)
        titles += bool(lines[at].strip())
    return _without_header(source.file, lines, begin, separators)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _best_header(lines: list[str], at: int, separators: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the separator by which this line names most parts of a bar, with its plain names."""
    best: tuple[int, str, list[str]] | None = None
    for separator in separators:
        if separator not in lines[at]:
            continue
        names = [plain(name) for name in _cells(lines[at], separator)]
        known = roles_of(names)
        count = sum(role in known for role in PRICES)
        if (count >= 2 or (count and DATE in known)) and (best is None or len(known) > best[0]):
            best = len(known), separator, names
    return best and best[1:]


def _with_header(
    file: str, lines: list[str], at: int, found: tuple[str, list[str]], titles: int, symbol: str
) -> Layout:
    separator, names = found
    owners = _owners(lines, at, separator, len(names))
    first, line = at + 1, at + 1
    own = list(range(len(names)))
    named: tuple[str, ...] = ()
    if owners is not None:
        below, tickers = owners
        first = below
        titles = max(0, titles - 1) if tickers[1] else titles
        named = tuple(dict.fromkeys(ticker for ticker in tickers[0][1:] if ticker))
        own = _own_columns(file, line, tickers[0], named, symbol)
        names = [name if place in own else "" for place, name in enumerate(names)]
        names[0] = DATE
    roles = roles_of(names)
    if DATE not in roles:
        unnamed = _unnamed_date(lines, first, separator, names, roles)
        if unnamed is not None:
            roles[DATE] = unnamed
    _require(file, line, names, roles)
    form = Form("yfinance, several levels") if owners is not None else form_of(names)
    return Layout(separator, form, first, len(names), roles, titles, named)


def _owners(lines: list[str], at: int, separator: str, width: int) -> tuple[int, tuple[list[str], bool]] | None:
    """Return the first line below a header of several levels, and its tickers by column; None for a usual header.

    pandas writes the names of two levels and of the index in three lines; `group_by="ticker"` has the tickers first.
    """
    rows = [[cell.strip() for cell in _cells(line, separator)] for line in lines[at : at + 3]]
    header = rows[0]
    index_at = next(
        (
            place
            for place, row in enumerate(rows[1:], 1)
            if row and plain(row[0]) in {"date", "datetime"} and not any(row[1:])
        ),
        None,
    )
    if index_at == 1 and at > 0:
        above = [cell.strip() for cell in _cells(lines[at - 1], separator)]
        if len(above) == width:
            return at + 2, (above, True)
    if len(rows) > 1 and len(rows[1]) == width and plain(header[0]) in UNNAMED:
        if index_at == 2:
            return at + 3, (rows[1], False)
        if plain(rows[1][0]) == "ticker":
            return at + 2, (rows[1], False)
    return None


def _own_columns(file: str, line: int, tickers: list[str], named: tuple[str, ...], symbol: str) -> list[int]:
    """Return the columns of this symbol, all where the file is about one symbol only. Raises BadFile."""
    if len(named) == 1:
        return list(range(len(tickers)))
    wanted = letters(symbol)
    own = [place for place, ticker in enumerate(tickers) if letters(ticker) == wanted]
    if not own:
        shown = ", ".join(named[:6])
        raise BadFile(
            f"{file}, line {line}: it holds {len(named)} symbols ({shown}), none is {symbol}: one file a symbol"
        )
    return own


def letters(symbol: str) -> str:
    """Return a symbol's letters and digits in capitals, by which spellings of one symbol are compared."""
    return re.sub(r"[\W_]", "", symbol).upper()


def _unnamed_date(lines: list[str], first: int, separator: str, names: list[str], roles: dict[str, int]) -> int | None:
    """Return the column without a name, as pandas writes an index, in which dates stand."""
    row = next((_cells(line, separator) for line in lines[first : first + TITLE_LINES] if line.strip()), [])
    for place, name in enumerate(names[: len(row)]):
        if name in UNNAMED and place not in roles.values() and re.search(r"\d{4}|\d[./-]\d", row[place]):
            return place
    return None


def _without_header(file: str, lines: list[str], begin: int, separators: Sequence[str]) -> Layout:
    start = next((at for at in range(begin, len(lines)) if lines[at].strip()), None)
    if start is None:
        raise BadFile(f"{file}, line {begin}: the file has no rows")
    for separator in separators:
        cells = _cells(lines[start], separator)
        form = headerless_form(cells)
        if form is not None:
            return Layout(separator, form, start, len(cells), dict(form.roles))
    separator = max(separators, key=lambda each: len(_cells(lines[start], each)))
    names = [plain(name) for name in _cells(lines[start], separator)]
    if len(names) == 1:
        raise BadFile(f"{file}, line {start + 1}: {_no_table(lines[start], names[0], separators)}")
    if any(re.search(r"\d", name) for name in names) and len(names) > 1:
        raise BadFile(
            f"{file}, line {start + 1}: there is no header; a first line has to name the columns ({', '.join(NEEDED)})"
        )
    _require(file, start + 1, names, roles_of(names))
    raise BadFile(f"{file}, line {start + 1}: the header is not understood: {lines[start][:80]}")


def _no_table(line: str, cell: str, separators: Sequence[str]) -> str:
    """Say why a file that begins with one cell is no table."""
    if any(roles_of([plain(name) for name in _cells(cell, each)]).keys() >= {*PRICES} for each in separators):
        return "each line stands in quotes as a whole, which makes it one cell: save the file without them"
    if roles_of(cell.split()).keys() >= {*PRICES}:
        return "its cells are parted by blanks: part them by commas, semicolons, tabs or bars"
    if _FOOTER.fullmatch(line.strip()):
        return f"it holds no prices but says {shown(line.strip(), 120)}: get them anew"
    return f"{shown(line)} is no row of a table; cells are parted by commas, semicolons, tabs or bars"


def cut(source: FileText, layout: Layout) -> Cells:
    """Return the columns that are used; blank rows and the line of words that some tools end with are left out.

    Raises BadFile for a row of another length, naming its cause where it can be told.
    """
    body = source.text if not layout.first else source.text.split("\n", layout.first)[layout.first]
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=layout.separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    left_out: list[str] = []
    try:
        for cells in _rows(reader):
            line = layout.first + reader.line_num
            if len(cells) > layout.width and not any(cells[layout.width :]):  # its last separators part nothing
                del cells[layout.width :]
            if _is_header_again(cells, layout):
                left_out.append(f"line {line}: the header stands there again")
            elif len(cells) == layout.width:
                rows.append(cells)
                lines.append(line)
            elif _is_footer(cells, reader, layout.separator):
                left_out.append(f"line {line}: {shown(cells[0])} below the bars")
                break
            else:
                raise BadFile(f"{source.file}, line {line}: {_wrong_length(cells, layout)}")
    except csv.Error as error:
        raise BadFile(f"{source.file}, line {layout.first + reader.line_num}: {error}") from error
    while len(rows) > 1 and _is_summary(rows[-1], layout):
        left_out.append(f"line {lines.pop()}: {shown(rows.pop()[layout.roles[DATE]])} below the bars")
    if not rows:
        raise BadFile(f"{source.file}, line {layout.first + 1}: the file has no rows below its header")
    by_column = list(zip(*rows, strict=True))
    return Cells(layout, lines, {role: by_column[at] for role, at in layout.roles.items()}, tuple(left_out))


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    return (cells for cells in reader if cells and any(cells))


def _is_footer(cells: list[str], reader: Iterator[list[str]], separator: str) -> bool:
    """Tell whether this row and all behind it are words, as a tool's own notes."""
    return all(_FOOTER.fullmatch(separator.join(row).strip()) for row in [cells, *_rows(reader)])


def _is_header_again(cells: list[str], layout: Layout) -> bool:
    """Tell whether this row names the columns, as where files were joined."""
    if len(cells) != layout.width or _DIGIT.search(cells[layout.roles[DATE]]):
        return False
    known = roles_of([plain(cell) for cell in cells])
    return all(layout.roles[role] == known.get(role) for role in PRICES)


def _is_summary(cells: list[str], layout: Layout) -> bool:
    """Tell whether this row is a total or a mean: its date is a word."""
    return bool(_WORD.fullmatch(cells[layout.roles[DATE]].strip()))


def _wrong_length(cells: list[str], layout: Layout) -> str:
    """Say that a row has another length, and why, where it can be told."""
    said = f"{len(cells)} cells where the header names {layout.width}"
    numbers = sum(role in layout.roles for role in (*PRICES, VOLUME))
    if layout.separator == "," and layout.width + len(PRICES) <= len(cells) <= layout.width + numbers + 1:
        return f"{said}: its decimal commas part the cells; part the columns by semicolons, or quote the numbers"
    return said


def parquet_roles(file: str, names: Sequence[str]) -> dict[str, int]:
    """Return which of a Parquet file's columns play which part; pandas writes two levels as ('Close', 'AAPL')."""
    known = [plain(found[1] if (found := _LEVELS.fullmatch(name)) else name) for name in names]
    roles = roles_of(known)
    if DATE not in roles and "index level 0" in known:
        roles[DATE] = known.index("index level 0")
    _require(file, 1, known, roles)
    return roles


def _require(file: str, line: int, names: Sequence[str], roles: dict[str, int]) -> None:
    missing = [role for role in NEEDED if role not in roles]
    if missing and not all(map(is_clean, names)):
        raise BadFile(f"{file}, line {line}: the names of its columns are not UTF-8; save the file as UTF-8")
    if missing:
        there = ", ".join(filter(None, names))[:160]
        raise BadFile(
            f"{file}, line {line}: the column {missing[0]} is missing (needed: {', '.join(NEEDED)}; there: {there})"
        )
    used = [names[place] for place in roles.values()]
    doubled = next((name for name in used if name and names.count(name) > 1), None)
    if doubled:
        raise BadFile(f"{file}, line {line}: the column {doubled} is there twice")
