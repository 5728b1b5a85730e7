"""Symbol parsing: reads symbols from pasted text, and answers each with the price provider's word on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.base.symbols import symbol_of, typed_symbols
from ba2_trade_platform.core.contracts.experts import ExpertError, InstrumentInfo, Prices
from ba2_trade_platform.vocabulary import ErrorCode

MOST = 20_000
MOST_ASKED = 500


class ImportResult(StrEnum):
    """What became, or would become, of one thing that was given."""

    ADDED = "added"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"
    INVALID = "invalid"


@dataclass(frozen=True)
class Line:
    """The answer to one thing that was given: on which line it stood, what it is, what became of it and why."""

    number: int
    text: str
    fate: ImportResult
    reason: str = ""
    watchlist: str | None = None


@dataclass(frozen=True)
class Report:
    """The answer to a paste or a file, thing by thing. `is_preview`: nothing was written yet."""

    lines: tuple[Line, ...]
    is_preview: bool = False

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
        }
        counts = [f"{self.count(fate):,} {said}" for fate, said in words.items() if self.count(fate)]
        return ", ".join(counts) or "Nothing was given"


@dataclass(frozen=True)
class ParsedSymbol:
    """One symbol that was given, in its place; `symbol` None: `reason` says why it is none."""

    number: int
    text: str
    symbol: str | None
    reason: str = ""


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
        return ParsedSymbol(number, shown, symbol_of(text))
    except Invalid as error:
        return ParsedSymbol(number, shown, None, str(error))


@dataclass(frozen=True)
class SymbolLookup:
    """What the price provider said of some symbols: who they are, and why not."""

    known: dict[str, InstrumentInfo]
    reasons: dict[str, str]


def look_up_symbols(prices: Prices, symbols: Iterable[str]) -> SymbolLookup:
    """Ask the price provider who these are: the first 500, and nobody more once it does not answer."""
    known: dict[str, InstrumentInfo] = {}
    reasons: dict[str, str] = {}
    trouble = ""
    for asked, symbol in enumerate(dict.fromkeys(symbols)):
        if asked >= MOST_ASKED:
            trouble = trouble or f"not checked: the price provider is asked for {MOST_ASKED} new symbols at once"
        if trouble:
            reasons[symbol] = trouble
            continue
        try:
            known[symbol] = prices.instrument(symbol)
        except ExpertError as error:
            reasons[symbol] = str(error)
            if error.code is not ErrorCode.SYMBOL_INVALID:
                trouble = reasons[symbol] = f"not checked: {error}"
    return SymbolLookup(known, reasons)
