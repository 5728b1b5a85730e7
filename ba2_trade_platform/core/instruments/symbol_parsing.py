"""Symbol parsing: reads symbols from pasted text, and answers each with the price provider's word on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.symbols import symbol_of
from ba2_trade_platform.core.contracts.experts import ExpertError, InstrumentInfo, Prices
from ba2_trade_platform.vocabulary import ErrorCode

MOST = 20_000
MOST_ASKED = 500
_BETWEEN = re.compile(r"[\s,;\"']+")


class Fate(StrEnum):
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
    fate: Fate
    reason: str = ""
    watchlist: str | None = None


@dataclass(frozen=True)
class Report:
    """The answer to a paste or a file, thing by thing. `is_preview`: nothing was written yet."""

    lines: tuple[Line, ...]
    is_preview: bool = False

    def count(self, fate: Fate) -> int:
        """Return how many things met this fate."""
        return sum(line.fate is fate for line in self.lines)

    @property
    def sentence(self) -> str:
        """Say what was done, or would be."""
        words = {
            Fate.ADDED: "to be added" if self.is_preview else "added",
            Fate.CHANGED: "to be changed" if self.is_preview else "changed",
            Fate.DUPLICATE: "there already",
            Fate.UNKNOWN: "unknown to the price provider and left out",
            Fate.INVALID: "not usable",
        }
        counts = [f"{self.count(fate):,} {said}" for fate, said in words.items() if self.count(fate)]
        return ", ".join(counts) or "Nothing was given"


@dataclass(frozen=True)
class Given:
    """One symbol that was given, in its place; `symbol` None: `reason` says why it is none."""

    number: int
    text: str
    symbol: str | None
    reason: str = ""


def given_in(text: str) -> list[Given]:
    """Return what a text holds, line by line; commas, semicolons, spaces, quotes and lines part it. Raises Invalid."""
    found = [
        given_of(number, part.removeprefix("$"))
        for number, line in enumerate(text.splitlines(), start=1)
        for part in _BETWEEN.split(line)
        if part
    ]
    if len(found) > MOST:
        raise Invalid(f"{len(found):,} symbols are too many at once: {MOST:,} at most", code="TOO_MANY_SYMBOLS")
    return found


def given_of(number: int, text: str) -> Given:
    """Read one text as a symbol."""
    shown = text.strip()[:40]
    try:
        return Given(number, shown, symbol_of(text))
    except Invalid as error:
        return Given(number, shown, None, str(error))


@dataclass(frozen=True)
class Described:
    """What the price provider said of some symbols: who they are, and why not."""

    known: dict[str, InstrumentInfo]
    reasons: dict[str, str]


def describe(prices: Prices, symbols: Iterable[str]) -> Described:
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
    return Described(known, reasons)
