"""List files: one file as it was given and as a person wants it read, and the symbols that its lines give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.base.text_encodings import DecodedText, decoded, refuse_uncertain
from ba2_trade_platform.core.instruments.csv_files import (
    INSTRUMENT_COLUMNS,
    WATCHLIST_COLUMNS,
    FileLine,
    ReadFile,
    read_file,
)
from ba2_trade_platform.core.instruments.list_rows import RowKind
from ba2_trade_platform.core.instruments.symbol_parsing import (
    FileReading,
    ImportResult,
    ParsedSymbol,
    parse_cell,
    parse_symbols,
)


@dataclass(frozen=True)
class ListFile:
    """A file's bytes, or its text, and what a person chose where it can be read in several ways.

    `column`: the heading or number of the one with the symbols. `doubtful`: lines that may be cash, currencies or
    words of the file are symbols.
    """

    content: bytes | str
    encoding: str | None = None
    column: str | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class Listed:
    """What a file gives, line by line; `is_ours`: it has the columns of an export and no others."""

    given: tuple[tuple[FileLine, ParsedSymbol], ...]
    columns: frozenset[str]
    is_ours: bool
    reading: FileReading


def read_list(
    file: ListFile | str, known: Sequence[str], needed: Sequence[str], *, preview: bool, plain: bool = False
) -> Listed:
    """Read a file; unless it is only looked through, its encoding has to be certain or chosen. Raises Invalid."""
    chosen = ListFile(file) if isinstance(file, str) else file
    text = _text_of(chosen)
    if not preview:
        refuse_uncertain(text)
    read = read_file(text.text, known, needed, chosen.column or None, plain=plain)
    given = tuple((line, _parsed(line, read, doubtful=chosen.doubtful)) for line in read.lines)
    how = f"Read as {text.encoding}" + ("" if text.is_certain else ", which is assumed")
    reading = FileReading(f"{how}. {read.sentence}.", text.encoding, text.candidates, read.column, read.headings)
    return Listed(given, read.columns, read.is_ours, reading)


def pasted(text: str) -> list[ParsedSymbol]:
    """Read a paste: a table, which was copied with its headings, as a file is, else piece by piece. Raises Invalid."""
    rows = [line for line in text.splitlines() if line.strip()]
    if sum("\t" in row for row in rows) < 2:
        return parse_symbols(text)
    try:
        listed = read_list(text, WATCHLIST_COLUMNS, ("symbol",), preview=True)
    except Invalid as error:
        sentence = "The paste is a table without a heading symbol or ticker: copy its headings too, or only the symbols"
        raise Impossible(sentence, code="COLUMN_UNKNOWN") from error
    return [one for _, one in listed.given]


def _text_of(file: ListFile) -> DecodedText:
    if isinstance(file.content, str):
        return DecodedText(file.content, "text", is_certain=True)
    return decoded(file.content, file.encoding or None)


def _parsed(line: FileLine, read: ReadFile, *, doubtful: bool) -> ParsedSymbol:
    if line.problem:
        return ParsedSymbol(line.number, "", None, line.problem)
    cell, kind = line.cells.get("symbol", ""), line.reading.kind
    if kind is RowKind.PASSED_OVER or (kind is RowKind.DOUBTFUL and not doubtful):
        fate = ImportResult.PASSED if kind is RowKind.PASSED_OVER else ImportResult.ASKED
        text = cell or next((text for text in line.cells.values() if text), "")
        # What an export holds is a symbol of a desk: this one's, when it knows it.
        symbol = spelled(cell) if read.is_ours and fate is ImportResult.ASKED else None
        return ParsedSymbol(line.number, text[:40], symbol, line.reading.reason, fate=fate)
    if read.is_ours and read.columns >= {*INSTRUMENT_COLUMNS}:  # an export, whose symbols are what they are
        return parse_cell(line.number, cell)
    currency = "" if read.is_ours else line.cells.get("currency", "").upper()
    return parse_cell(line.number, cell, line.cells.get("exchange", ""), currency if len(currency) == 3 else "")
