"""CSV format: reads files as spreadsheets write them, and writes them so that no cell becomes a formula."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ba2_trade_platform.core.base.errors import Impossible

MOST_BYTES = 5_000_000
MOST_LINES = 20_000
MOST_COLUMNS = 100
INSTRUMENT_COLUMNS = ("symbol", "name", "type", "exchange", "currency", "calendar", "labels")
WATCHLIST_COLUMNS = ("watchlist", "symbol")
_NAMES = {"ticker": "symbol", "list": "watchlist", "tags": "labels", "label": "labels", "mic": "calendar"}
# A spreadsheet takes a cell that begins with one of these for a formula, which may call other programs; and one that
# parts cells by another character than ours sees cells begin in the midst of ours, quotes or not. An apostrophe in
# front makes it a text, one more than there may be already, so that reading can take it away again.
_FORMULA = r"""(?=(?:["']|[^\S\n])*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])"""
_BEGIN = re.compile(rf"(\A|[;,\t\r\n]){_FORMULA}")
_PREFIXED = re.compile(rf"(\A|[;,\t\r\n])'{_FORMULA}")


@dataclass(frozen=True)
class FileLine:
    """One line of a file by column; `problem` says why it cannot be read."""

    number: int
    cells: dict[str, str]
    problem: str = ""


@dataclass(frozen=True)
class ReadFile:
    """What a file holds; `ignored` are columns that mean nothing here."""

    columns: frozenset[str]
    lines: tuple[FileLine, ...]
    ignored: tuple[str, ...]


def decoded(data: bytes) -> str:
    """Return a file's text: UTF-8 or UTF-16 by its mark, UTF-8, else Windows-1252. Raises Invalid."""
    if len(data) > MOST_BYTES:
        raise Impossible(f"The file has {len(data):,} bytes, {MOST_BYTES:,} at most: part it", code="FILE_TOO_LARGE")
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise Impossible("The file is no text: save it as CSV in UTF-8", code="FILE_UNREADABLE")


def read_file(text: str, known: Sequence[str], needed: Sequence[str]) -> ReadFile:
    """Read a file whose first line names its columns, in any order; `,`, `;` or tabs part them. Raises Invalid."""
    if len(text) > MOST_BYTES:
        raise Impossible(
            f"The file has {len(text):,} characters, {MOST_BYTES:,} at most: part it", code="FILE_TOO_LARGE"
        )
    text = text.removeprefix("\ufeff")
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names: list[str] | None = None
    lines: list[FileLine] = []
    while (row := _next(reader)) is not None:
        if not isinstance(row, str) and not any(cell.strip() for cell in row):
            continue
        if names is None:
            names = _names(row, needed)
        elif len(lines) >= MOST_LINES:
            raise Impossible(f"The file has more than {MOST_LINES:,} lines: part it", code="FILE_TOO_LARGE")
        else:
            lines.append(_line(reader.line_num, row, names))
    if names is None:
        raise Impossible(
            f"The file is empty: its first line names the columns {', '.join(known)}", code="FILE_UNREADABLE"
        )
    ignored = tuple(name for name in names if name and name not in known)
    return ReadFile(frozenset(names), tuple(lines), ignored)


def written(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a file that `read_file` reads again: UTF-8 with its mark for spreadsheets, a line for each row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([_BEGIN.sub(r"\1'", cell) for cell in row] for row in rows)
    return "\ufeff" + text.getvalue()


def _next(reader: Iterable[list[str]]) -> list[str] | str | None:
    try:
        return next(iter(reader), None)
    except csv.Error as error:
        return str(error)


def _names(row: list[str] | str, needed: Sequence[str]) -> list[str]:
    names = [] if isinstance(row, str) else [" ".join(cell.split()).lower() for cell in row]
    names = [_NAMES.get(name, name) for name in names]
    if missing := [name for name in needed if name not in names]:
        raise Impossible(
            f"The first line has to name the columns; {' and '.join(missing)} is missing there", code="FILE_UNREADABLE"
        )
    if len(names) > MOST_COLUMNS:
        sentence = f"The first line names {len(names):,} columns, {MOST_COLUMNS} at most"
        raise Impossible(sentence, code="FILE_UNREADABLE")
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise Impossible(f"The column {twice[0][:40]} stands twice in the first line", code="FILE_UNREADABLE")
    return names


def _line(number: int, row: list[str] | str, names: Sequence[str]) -> FileLine:
    if isinstance(row, str):
        return FileLine(number, {}, f"cannot be read: {row}")
    if len(row) > len(names):
        return FileLine(number, {}, f"has {len(row)} cells, the first line names {len(names)}")
    plain = (_PREFIXED.sub(r"\1", cell) for cell in row)
    return FileLine(number, {name: cell.strip() for name, cell in zip(names, plain, strict=False)})
