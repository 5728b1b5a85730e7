"""Symbol parsing: reads symbols from pasted text and cells, and answers each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.base.symbols import spelled, symbol_of, typed_symbols
from ba2_trade_platform.core.base.text_encodings import Candidate
from ba2_trade_platform.core.instruments.symbol_spellings import spellings

MOST = 20_000


class ImportResult(StrEnum):
    """What became, or would become, of one thing that was given."""

    ADDED = "added"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    ASKED = "asked"
    PASSED = "passed over"


@dataclass(frozen=True)
class Line:
    """The answer to one thing that was given: on which line it stood, what it is, what became of it and why."""

    number: int
    text: str
    fate: ImportResult
    reason: str = ""
    watchlist: str | None = None


@dataclass(frozen=True)
class FileReading:
    """How a file was read, and how else it might be: by another encoding, of which `candidates` are, or column."""

    sentence: str
    encoding: str
    candidates: tuple[Candidate, ...]
    column: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """The answer to a paste or a file, thing by thing. `is_preview`: nothing was written yet."""

    lines: tuple[Line, ...]
    is_preview: bool = False
    reading: FileReading | None = None

    def count(self, fate: ImportResult) -> int:
        """Return how many things met this fate."""
        return sum(line.fate is fate for line in self.lines)

    @property
    def sentence(self) -> str:
        """Say what was done, or would be."""
        words = {
            ImportResult.ADDED: "to be added" if self.is_preview else "added",
            ImportResult.CHANGED: "to be changed" if self.is_preview else "changed",
            ImportResult.DUPLICATE: "there already",
            ImportResult.UNKNOWN: "unknown to the price provider and left out",
            ImportResult.INVALID: "not usable",
            ImportResult.ASKED: "to be decided by you",
            ImportResult.PASSED: "passed over",
        }
        counts = [f"{self.count(fate):,} {said}" for fate, said in words.items() if self.count(fate)]
        return ", ".join(counts) or "Nothing was given"


@dataclass(frozen=True)
class ParsedSymbol:
    """One symbol that was given, in its place; `symbol` None: `reason` says why it is none.

    `others` are what it may be called here instead. `fate` is what becomes of it whoever knows it. `venue` is where it
    is traded, when that gave it another spelling than it is written in.
    """

    number: int
    text: str
    symbol: str | None
    reason: str = ""
    others: tuple[str, ...] = ()
    fate: ImportResult | None = None
    currency: str = ""
    venue: str = ""


def parse_symbols(text: str) -> list[ParsedSymbol]:
    """Return what a text holds, line by line; commas, semicolons, spaces, quotes and lines part it. Raises Invalid."""
    parsed = [
        parse_symbol(number, piece)
        for number, line in enumerate(text.splitlines(), start=1)
        for piece in typed_symbols(line)
    ]
    if len(parsed) > MOST:
        raise Impossible(f"{len(parsed):,} symbols are too many at once: {MOST:,} at most", code="TOO_MANY_SYMBOLS")
    return parsed


def parse_symbol(number: int, text: str) -> ParsedSymbol:
    """Read one text as a symbol."""
    shown = text.strip()[:40]
    try:
        symbol = symbol_of(text)
    except Invalid as error:
        return ParsedSymbol(number, shown, None, str(error))
    return ParsedSymbol(number, shown, symbol, others=spellings(text))


def parse_cell(number: int, text: str, exchange: str = "", currency: str = "") -> ParsedSymbol:
    """Read the cell of a column of symbols, where `BRK B` and `VOD LN` are one each."""
    found = spellings(text, exchange)
    if not found:
        return parse_symbol(number, text)
    venue = exchange if found[0] != spelled(text) else ""
    return ParsedSymbol(number, text.strip()[:40], found[0], others=found[1:], currency=currency, venue=venue)
