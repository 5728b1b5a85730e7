"""Watchlist items: plans and inserts the symbols of one list, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.contracts.experts import InstrumentInfo, Prices
from ba2_trade_platform.core.instruments.symbol_lookup import SymbolLookup, by_desk, by_provider, look_up
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, Line, ParsedSymbol
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_ITEM = t.watchlist_item.c
_I = t.instrument.c
_W = t.watchlist.c


def make_watchlist(session: Session, name: str, now: datetime, *, is_demo: bool = False) -> int:
    """Insert an empty watchlist and return its id."""
    values = {"name": name, "is_demo": is_demo, "created_at": now}
    return session.scalar(insert(t.watchlist).values(**values).returning(_W.id)) or 0


def name_of(session: Session, watchlist_id: int) -> str:
    """Return a watchlist's name, or raise NotFound."""
    name: str | None = session.scalar(select(_W.name).where(_W.id == watchlist_id))
    if name is None:
        raise NotFound(f"There is no watchlist {watchlist_id}")
    return name


def instrument_ids(session: Session, symbols: Collection[str]) -> dict[str, int]:
    """Return the ids of those of these symbols that the desk knows."""
    rows = session.execute(select(_I.symbol, _I.id).where(_I.symbol.in_(symbols)))
    return {row.symbol: row.id for row in rows}


def resolved(store: Store, prices: Prices, given: Sequence[ParsedSymbol]) -> tuple[list[ParsedSymbol], SymbolLookup]:
    """Return the given as desk and price provider spell them; the provider is asked for those new to the desk."""
    with store.read() as session:
        known = known_of(session, given)
    meant = by_desk(given, known)
    lookup = look_up(prices, [one for one in meant if one.symbol not in known])
    return by_provider(meant, lookup), lookup


def known_of(session: Session, given: Iterable[ParsedSymbol]) -> dict[str, InstrumentInfo]:
    """Return what the desk knows of every symbol that these may be."""
    names = {name for one in given if one.symbol for name in (spelled(one.text), one.symbol, *one.others)}
    columns = (_I.symbol, _I.name, _I.exchange, _I.currency, _I.calendar)
    rows = session.execute(select(*columns).where(_I.symbol.in_(names)))
    return {
        symbol: InstrumentInfo(symbol, name or "", exchange or "", currency or "", calendar or "")
        for symbol, name, exchange, currency, calendar in rows
    }


def plan(
    symbols: Sequence[ParsedSymbol],
    there: Collection[str],
    known: Collection[str],
    lookup: SymbolLookup,
    *,
    unknown: bool,
    watchlist: str | None = None,
) -> tuple[tuple[Line, ...], list[InstrumentInfo]]:
    """Return what becomes of each thing given to a list that has `there`, and what goes on it."""
    lines: list[Line] = []
    new_items: list[InstrumentInfo] = []
    seen = set(there)
    for parsed in symbols:
        symbol, result, reason = parsed.symbol, ImportResult.ADDED, parsed.reason
        if parsed.fate is not None:
            result = parsed.fate
        elif symbol is None:
            result = ImportResult.INVALID
        elif symbol in seen:
            result = ImportResult.DUPLICATE
            reason = _and("on the list" if symbol in there else "given twice", parsed.reason)
        elif symbol not in known and symbol not in lookup.known:
            result = ImportResult.ADDED if unknown else ImportResult.UNKNOWN
            reason = _and(lookup.reasons.get(symbol, ""), parsed.reason)
        shown = parsed.text if parsed.fate else symbol or parsed.text
        lines.append(Line(parsed.number, shown, result, reason, watchlist))
        if result is ImportResult.ADDED and symbol is not None:
            seen.add(symbol)
            new_items.append(lookup.known.get(symbol) or InstrumentInfo(symbol, symbol, "", "", ""))
    return tuple(lines), new_items


def _and(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))


def add(session: Session, watchlist_id: int, new_items: Sequence[InstrumentInfo], *, is_demo: bool = False) -> None:
    """Add these at the end of a list, and to the instruments those that the desk does not know."""
    if not new_items:
        return
    instruments = [
        {
            "symbol": info.symbol,
            "name": info.name[:200],
            "type": "stock",
            "exchange": info.exchange[:20],
            "currency": info.currency[:3],
            "calendar": info.calendar[:20],
            "is_demo": is_demo,
            "labels": None,
        }
        for info in new_items
    ]
    session.execute(upsert(t.instrument).on_conflict_do_nothing(), instruments)
    last = session.scalar(select(func.max(_ITEM.position)).where(_ITEM.watchlist_id == watchlist_id)) or 0
    ids = instrument_ids(session, [info.symbol for info in new_items])
    rows = [
        {"watchlist_id": watchlist_id, "instrument_id": ids[info.symbol], "position": position}
        for position, info in enumerate(new_items, start=last + 1)
    ]
    session.execute(upsert(t.watchlist_item).on_conflict_do_nothing(), rows)
