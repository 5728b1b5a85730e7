"""Symbol lookup: chooses the spelling of a given symbol that the desk, or else the price provider, knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.contracts.experts import ExpertError, InstrumentInfo, Prices
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, ParsedSymbol
from ba2_trade_platform.core.instruments.symbol_spellings import divided, is_at
from ba2_trade_platform.vocabulary import ErrorCode

MOST_ASKED = 500
_HUNDREDTHS = {"GBX": "GBP", "GBPENCE": "GBP", "ZAC": "ZAR", "ILA": "ILS"}


@dataclass(frozen=True)
class SymbolLookup:
    """What the price provider said of some symbols: who they are, why not, and by which name it knows them instead."""

    known: dict[str, InstrumentInfo] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    instead: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)


def by_desk(given: Iterable[ParsedSymbol], known: Mapping[str, InstrumentInfo]) -> list[ParsedSymbol]:
    """Return the given in the spelling that the desk knows, the written one before others; else as they are.

    One that the desk has at another exchange or in another currency than the line says is asked for.
    """
    return [_agreed(_known(one, known), known, "the desk") for one in given]


def look_up(prices: Prices, given: Iterable[ParsedSymbol]) -> SymbolLookup:
    """Ask the price provider who these are: the first 500, and nobody more once it does not answer."""
    found, trouble, asked, refused = SymbolLookup(), "", 0, dict[str, str]()
    wanted = dict.fromkeys((one.symbol, one.others) for one in given if one.symbol and one.fate is None)
    for symbol, others in wanted:
        if asked >= MOST_ASKED:
            trouble = trouble or f"not checked: the price provider is asked for {MOST_ASKED} new symbols at once"
        if trouble:
            found.reasons[symbol] = trouble
            continue
        for name in (symbol, *others):
            if name not in found.known and name not in refused:
                asked += 1
                try:
                    found.known[name] = prices.instrument(name)
                except ExpertError as error:
                    refused[name] = str(error)
                    if error.code is not ErrorCode.SYMBOL_INVALID:
                        trouble = found.reasons[symbol] = f"not checked: {error}"
                        break
            if name in found.known:
                found.instead[symbol, others] = name
                break
        else:
            found.reasons[symbol] = refused[symbol] + _hint(prices, symbol)
    return found


def by_provider(given: Sequence[ParsedSymbol], found: SymbolLookup) -> list[ParsedSymbol]:
    """Return the given in the spelling that the provider knows; one that it says trades otherwise is asked for."""
    named = [_named(one, found.instead.get((one.symbol or "", one.others), one.symbol)) for one in given]
    return [_agreed(one, found.known, "the price provider") for one in _in_one_spelling(named)]


def _in_one_spelling(given: Iterable[ParsedSymbol]) -> list[ParsedSymbol]:
    """Return BRK-B as BRK.B where that came before it: they are one share."""
    first: dict[frozenset[str], str] = {}
    return [
        _named(one, first.setdefault(frozenset({one.symbol, *one.others}), one.symbol)) if one.symbol else one
        for one in given
    ]


def _known(one: ParsedSymbol, known: Collection[str]) -> ParsedSymbol:
    written = () if one.venue else (spelled(one.text),)
    for name in (*written, one.symbol, *one.others) if one.symbol else ():
        if name in known:
            meant = replace(one, fate=None, reason="") if one.fate else one
            return _named(replace(meant, others=()), name)
    return one


def _named(one: ParsedSymbol, name: str | None) -> ParsedSymbol:
    if one.symbol is None or one.reason:
        return one
    given = spelled(one.text)
    return replace(one, symbol=name, reason="" if given == name else f"written {given}")


def _agreed(one: ParsedSymbol, known: Mapping[str, InstrumentInfo], who: str) -> ParsedSymbol:
    info = known.get(one.symbol or "")
    if info is None or one.fate is not None:
        return one
    said = _HUNDREDTHS.get(one.currency, one.currency)
    there = "" if info.name == one.symbol else f"{info.name} "
    if said and info.currency and _HUNDREDTHS.get(info.currency, info.currency) != said:
        sentence = f"{one.symbol} trades in {one.currency} by the file; {who} has {info.name} in {info.currency}"
    elif one.venue and one.symbol == spelled(one.text) and not is_at(one.venue, info.exchange, info.calendar):
        sentence = f"{one.symbol} trades at {one.venue} by the file; {who} has {there}{_where(info)}"
    else:
        return one
    more = "write the symbol of the exchange that is meant"
    return replace(one, fate=ImportResult.ASKED, reason=f"{sentence}: {more}")


def _where(info: InstrumentInfo) -> str:
    return f"at {info.exchange or info.calendar}" if info.exchange or info.calendar else "without an exchange"


def _hint(prices: Prices, symbol: str) -> str:
    name = divided(symbol)
    if name is None:
        return ""
    try:
        return f"; {prices.instrument(name).symbol} is known: write that if it is meant"
    except ExpertError:
        return ""
