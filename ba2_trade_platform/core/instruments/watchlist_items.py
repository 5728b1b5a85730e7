"""Watchlist items: plans and inserts the symbols of one list, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.experts import InstrumentInfo
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, Line, ParsedSymbol, SymbolLookup
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_ITEM = t.watchlist_item.c
_I = t.instrument.c


@dataclass(frozen=True)
class NewWatchlistItem:
    """A symbol that goes on a list; `info` is what the price provider says of it, None: nothing is known."""

    symbol: str
    info: InstrumentInfo | None = None


def plan_items(
    symbols: Sequence[ParsedSymbol],
    there: Collection[str],
    known: Collection[str],
    lookup: SymbolLookup,
    *,
    unknown: bool,
    watchlist: str | None = None,
) -> tuple[tuple[Line, ...], list[NewWatchlistItem]]:
    """Return what becomes of each thing given to a list that has `there`, and what goes on it."""
    lines: list[Line] = []
    new_items: list[NewWatchlistItem] = []
    seen = set(there)
    for parsed in symbols:
        result, reason = ImportResult.ADDED, ""
        if parsed.symbol is None:
            result, reason = ImportResult.INVALID, parsed.reason
        elif parsed.symbol in seen:
            result, reason = ImportResult.DUPLICATE, "on the list" if parsed.symbol in there else "given twice"
        elif parsed.symbol not in known:
            reason = lookup.reasons.get(parsed.symbol, "")
            result = ImportResult.ADDED if unknown else ImportResult.UNKNOWN
        lines.append(Line(parsed.number, parsed.symbol or parsed.text, result, reason, watchlist))
        if result is ImportResult.ADDED and parsed.symbol is not None:
            seen.add(parsed.symbol)
            new_items.append(NewWatchlistItem(parsed.symbol, lookup.known.get(parsed.symbol)))
    return tuple(lines), new_items


def add_items(
    session: Session, watchlist_id: int, new_items: Sequence[NewWatchlistItem], *, is_demo: bool = False
) -> None:
    """Add these at the end of a list, and to the instruments those that the desk does not know."""
    if not new_items:
        return
    session.execute(upsert(t.instrument).on_conflict_do_nothing(), [_row(item, is_demo=is_demo) for item in new_items])
    last = session.scalar(select(func.max(_ITEM.position)).where(_ITEM.watchlist_id == watchlist_id)) or 0
    instruments = session.execute(select(_I.symbol, _I.id).where(_I.symbol.in_([item.symbol for item in new_items])))
    ids = {row.symbol: row.id for row in instruments}
    rows = [
        {"watchlist_id": watchlist_id, "instrument_id": ids[item.symbol], "position": position}
        for position, item in enumerate(new_items, start=last + 1)
    ]
    session.execute(upsert(t.watchlist_item).on_conflict_do_nothing(), rows)


def set_positions(session: Session, watchlist_id: int, instrument_ids: Sequence[int]) -> None:
    """Have a list's items stand in this order."""
    change = update(t.watchlist_item).where(
        _ITEM.watchlist_id == watchlist_id, _ITEM.instrument_id == bindparam("an_instrument")
    )
    places = [{"an_instrument": each, "position": place} for place, each in enumerate(instrument_ids, start=1)]
    if places:
        session.connection().execute(change, places)


def _row(item: NewWatchlistItem, *, is_demo: bool) -> dict[str, object]:
    info = item.info or InstrumentInfo(item.symbol, item.symbol, "", "", "")
    return {
        "symbol": item.symbol,
        "name": info.name[:200],
        "type": "stock",
        "exchange": info.exchange[:20],
        "currency": info.currency[:3],
        "calendar": info.calendar[:20],
        "is_demo": is_demo,
        "labels": None,
    }
