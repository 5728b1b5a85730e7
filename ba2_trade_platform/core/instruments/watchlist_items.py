"""Watchlist items: plans and inserts the symbols of one list, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.experts import InstrumentInfo
from ba2_trade_platform.core.instruments.symbol_parsing import Described, Fate, Given, Line
from ba2_trade_platform.db import tables as t

_ITEM = t.watchlist_item.c
_I = t.instrument.c


@dataclass(frozen=True)
class Wanted:
    """A symbol that goes on a list; `info` is what the price provider says of it, None: nothing is known."""

    symbol: str
    info: InstrumentInfo | None = None


def plan_entries(
    given: Sequence[Given],
    there: Collection[str],
    known: Collection[str],
    described: Described,
    *,
    unknown: bool,
    watchlist: str | None = None,
) -> tuple[tuple[Line, ...], list[Wanted]]:
    """Return what becomes of each thing given to a list that has `there`, and what goes on it."""
    lines: list[Line] = []
    wanted: list[Wanted] = []
    seen = set(there)
    for one in given:
        fate, reason = Fate.ADDED, ""
        if one.symbol is None:
            fate, reason = Fate.INVALID, one.reason
        elif one.symbol in seen:
            fate, reason = Fate.DUPLICATE, "on the list" if one.symbol in there else "given twice"
        elif one.symbol not in known:
            reason = described.reasons.get(one.symbol, "")
            fate = Fate.ADDED if unknown else Fate.UNKNOWN
        lines.append(Line(one.number, one.symbol or one.text, fate, reason, watchlist))
        if fate is Fate.ADDED and one.symbol is not None:
            seen.add(one.symbol)
            wanted.append(Wanted(one.symbol, described.known.get(one.symbol)))
    return tuple(lines), wanted


def enter(session: Session, watchlist_id: int, wanted: Sequence[Wanted], *, is_demo: bool = False) -> None:
    """Add these at the end of a list, and to the instruments those that the desk does not know."""
    if not wanted:
        return
    session.execute(upsert(t.instrument).on_conflict_do_nothing(), [_row(one, is_demo=is_demo) for one in wanted])
    last = session.scalar(select(func.max(_ITEM.position)).where(_ITEM.watchlist_id == watchlist_id)) or 0
    found = session.execute(select(_I.symbol, _I.id).where(_I.symbol.in_([one.symbol for one in wanted])))
    ids = {row.symbol: row.id for row in found}
    rows = [
        {"watchlist_id": watchlist_id, "instrument_id": ids[one.symbol], "position": position}
        for position, one in enumerate(wanted, start=last + 1)
    ]
    session.execute(upsert(t.watchlist_item).on_conflict_do_nothing(), rows)


def position_rows(session: Session, watchlist_id: int, instrument_ids: Sequence[int]) -> None:
    """Have a list's items stand in this order."""
    change = update(t.watchlist_item).where(
        _ITEM.watchlist_id == watchlist_id, _ITEM.instrument_id == bindparam("an_instrument")
    )
    places = [{"an_instrument": each, "position": place} for place, each in enumerate(instrument_ids, start=1)]
    if places:
        session.connection().execute(change, places)


def _row(wanted: Wanted, *, is_demo: bool) -> dict[str, object]:
    info = wanted.info or InstrumentInfo(wanted.symbol, wanted.symbol, "", "", "")
    return {
        "symbol": wanted.symbol,
        "name": info.name[:200],
        "type": "stock",
        "exchange": info.exchange[:20],
        "currency": info.currency[:3],
        "calendar": info.calendar[:20],
        "is_demo": is_demo,
        "labels": None,
    }
