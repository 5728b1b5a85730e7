"""Next runs: finds the earliest planned times of a symbol, by its own schedules and its watchlists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, union
from sqlalchemy.orm import Session

from ba2_trade_platform.core.schedules.rows import ACTIVE
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import values_of
from ba2_trade_platform.vocabulary import ScheduleClock

_S = t.schedule.c
_SHOWN = (_S.id, _S.name, _S.clock, _S.next_at)
_PLANNED = (*ACTIVE, _S.next_at.is_not(None))


@dataclass(frozen=True)
class NextRun:
    """A planned time of one schedule; `is_replay`: by the clock of the demo market's replay."""

    symbol: str
    at: datetime
    schedule_id: int
    schedule: str
    is_replay: bool


def next_runs(session: Session, symbols: Sequence[str], each: int = 1) -> dict[str, tuple[NextRun, ...]]:
    """Return the `each` earliest planned times of these symbols, real ones before replayed ones."""
    named, item, of = values_of(_S.symbols), t.watchlist_item.c, t.schedule_watchlist.c
    by_itself = (
        select(named.c.value.label("symbol"), *_SHOWN)
        .select_from(t.schedule, named)
        .where(named.c.value.in_(symbols), *_PLANNED)
    )
    by_watchlist = (
        select(t.instrument.c.symbol, *_SHOWN)
        .join(t.watchlist_item, item.instrument_id == t.instrument.c.id)
        .join(t.schedule_watchlist, of.watchlist_id == item.watchlist_id)
        .join(t.schedule, _S.id == of.schedule_id)
        .where(t.instrument.c.symbol.in_(symbols), *_PLANNED)
    )
    once = union(by_itself, by_watchlist).subquery()
    place = func.row_number().over(partition_by=once.c.symbol, order_by=(once.c.clock, once.c.next_at, once.c.id))
    ranked = select(once, place.label("place")).subquery()
    chosen = select(ranked).where(ranked.c.place <= each).order_by(ranked.c.symbol, ranked.c.place)
    runs: dict[str, tuple[NextRun, ...]] = {}
    for row in session.execute(chosen):
        run = NextRun(row.symbol, row.next_at, row.id, row.name, row.clock == ScheduleClock.REPLAY)
        runs[row.symbol] = (*runs.get(row.symbol, ()), run)
    return runs


def schedules_naming(session: Session, symbol: str) -> list[str]:
    """Return the names of the schedules that name this symbol themselves, 10 at most."""
    named = values_of(_S.symbols)
    live = (named.c.value == symbol, _S.archived_at.is_(None))
    return list(session.scalars(select(_S.name).select_from(t.schedule, named).where(*live).limit(10)))
