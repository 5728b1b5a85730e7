"""Instruments and watchlists, as plain lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from sqlalchemy import insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ba2_trade_platform.core.contracts import InstrumentInfo
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.db import tables as t


@dataclass(frozen=True)
class ListedInstrument:
    """An instrument that the desk knows."""

    id: int
    symbol: str
    name: str
    type: str
    exchange: str
    currency: str
    calendar: str


@dataclass(frozen=True)
class WatchlistInfo:
    """A named list of symbols, in its order."""

    id: int
    name: str
    symbols: tuple[str, ...]


class Watchlists:
    """Reads and makes instruments and watchlists."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def instruments(self) -> list[ListedInstrument]:
        """Return every instrument by symbol."""
        i = t.instrument.c
        columns = (i.id, i.symbol, i.name, i.type, i.exchange, i.currency, i.calendar)
        with self._store.read() as session:
            return [ListedInstrument(*row) for row in session.execute(select(*columns).order_by(i.symbol))]

    def list(self) -> list[WatchlistInfo]:
        """Return every watchlist with its symbols."""
        with self._store.read() as session:
            lists = session.execute(select(t.watchlist.c.id, t.watchlist.c.name).order_by(t.watchlist.c.name)).all()
            items = session.execute(
                select(t.watchlist_item.c.watchlist_id, t.instrument.c.symbol)
                .join(t.instrument, t.instrument.c.id == t.watchlist_item.c.instrument_id)
                .order_by(t.watchlist_item.c.position, t.watchlist_item.c.id)
            ).all()
        return [
            WatchlistInfo(row.id, row.name, tuple(item.symbol for item in items if item.watchlist_id == row.id))
            for row in lists
        ]

    def add(self, name: str, instruments: Sequence[InstrumentInfo], *, is_demo: bool = False) -> int:
        """Make a watchlist of these instruments, adding to the desk those that it does not know; return its id."""
        with self._store.write() as transaction:
            session = transaction.session
            for info in instruments:
                session.execute(
                    upsert(t.instrument)
                    .values(
                        symbol=info.symbol,
                        name=info.name,
                        type="stock",
                        exchange=info.exchange,
                        currency=info.currency,
                        calendar=info.calendar,
                        is_demo=is_demo,
                    )
                    .on_conflict_do_nothing()
                )
            known = select(t.instrument.c.symbol, t.instrument.c.id).where(
                t.instrument.c.symbol.in_([info.symbol for info in instruments])
            )
            ids = {row.symbol: row.id for row in session.execute(known)}
            taken = set(session.scalars(select(t.watchlist.c.name)))
            others = (f"{name} {number}" for number in count(2))
            free = name if name not in taken else next(other for other in others if other not in taken)
            watchlist_id = session.scalar(
                insert(t.watchlist)
                .values(
                    name=free,
                    is_demo=is_demo,
                    created_at=self._store.clock.now(),
                )
                .returning(t.watchlist.c.id)
            )
            if instruments:
                session.execute(
                    insert(t.watchlist_item),
                    [
                        {"watchlist_id": watchlist_id, "instrument_id": ids[info.symbol], "position": position}
                        for position, info in enumerate(instruments, start=1)
                    ],
                )
        return int(watchlist_id or 0)
