"""Symbol lookup: chooses the spelling of a given symbol that the desk, or else the price provider, knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.contracts.experts import ExpertError, InstrumentInfo, Prices
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, ParsedSymbol
from ba2_trade_platform.core.instruments.symbol_spellings import divided
from ba2_trade_platform.vocabulary import ErrorCode

MOST_ASKED = 500
_HUNDREDTHS = {"GBX": "GBP", "GBPENCE": "GBP", "ZAC": "ZAR", "ILA": "ILS"}


@dataclass(frozen=True)
class SymbolLookup:
    """What the price provider said of some symbols: who they are, why not, and by which name it knows them instead."""

    known: dict[str, InstrumentInfo] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    instead: dict[str, str] = field(default_factory=dict)


def by_desk(given: Iterable[ParsedSymbol], known: Collection[str]) -> list[ParsedSymbol]:
    """Return the given in the spelling that the desk knows, the written one before others; else as they are."""
    return [_known(one, known) for one in given]


def look_up(prices: Prices, given: Iterable[ParsedSymbol]) -> SymbolLookup:
    """Ask the price provider who these are: the first 500, and nobody more once it does not answer."""
    found, trouble, asked = SymbolLookup(), "", 0
    for symbol, others in {one.symbol: one.others for one in given if one.symbol and one.fate is None}.items():
        if asked >= MOST_ASKED:
            trouble = trouble or f"not checked: the price provider is asked for {MOST_ASKED} new symbols at once"
        if trouble:
            found.reasons[symbol] = trouble
            continue
        for name in (symbol, *others):
            asked += 1
            try:
                found.known[name] = prices.instrument(name)
            except ExpertError as error:
                found.reasons.setdefault(symbol, str(error))
                if error.code is not ErrorCode.SYMBOL_INVALID:
                    trouble = found.reasons[symbol] = f"not checked: {error}"
                    break
            else:
                found.instead[symbol] = name
                break
        else:
            found.reasons[symbol] += _hint(prices, symbol)
    return found


def by_provider(given: Sequence[ParsedSymbol], found: SymbolLookup) -> list[ParsedSymbol]:
    """Return the given in the spelling that the provider knows; one that it says trades otherwise is asked for."""
    return [_agreed(_named(one, found.instead.get(one.symbol or "", one.symbol)), found) for one in given]


def _known(one: ParsedSymbol, known: Collection[str]) -> ParsedSymbol:
    for name in (spelled(one.text), one.symbol, *one.others) if one.symbol else ():
        if name in known:
            meant = replace(one, fate=None, reason="") if one.fate else one
            return _named(replace(meant, others=()), name)
    return one


def _named(one: ParsedSymbol, name: str | None) -> ParsedSymbol:
    if one.symbol is None or one.reason:
        return one
    given = spelled(one.text)
    return replace(one, symbol=name, reason="" if given == name else f"written {given}")


def _agreed(one: ParsedSymbol, found: SymbolLookup) -> ParsedSymbol:
    info = found.known.get(one.symbol or "")
    said = _HUNDREDTHS.get(one.currency, one.currency)
    if info is None or not said or not info.currency or _HUNDREDTHS.get(info.currency, info.currency) == said:
        return one
    sentence = (
        f"{one.symbol} trades in {one.currency} by the file; the price provider has {info.name} in {info.currency}: "
        "write the symbol of the exchange that is meant"
    )
    return replace(one, fate=ImportResult.ASKED, reason=sentence)


def _hint(prices: Prices, symbol: str) -> str:
    name = divided(symbol)
    if name is None:
        return ""
    try:
        return f"; {prices.instrument(name).symbol} is known: write that if it is meant"
    except ExpertError:
        return ""
