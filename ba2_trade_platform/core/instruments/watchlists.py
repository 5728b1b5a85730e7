"""Watchlists: named lists of symbols in the trader's order, each change answered symbol by symbol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.contracts.experts import InstrumentInfo, Prices
from ba2_trade_platform.core.instruments import watchlist_items
from ba2_trade_platform.core.instruments.list_files import pasted
from ba2_trade_platform.core.instruments.symbol_parsing import ParsedSymbol, Report, parse_symbol
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_W = t.watchlist.c
_ITEM = t.watchlist_item.c
_I = t.instrument.c


@dataclass(frozen=True)
class WatchlistInfo:
    """A named list of symbols, in its order."""

    id: int
    name: str
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class WatchlistSummary:
    """A watchlist without its symbols; `schedules` are those that analyse it."""

    id: int
    name: str
    is_demo: bool
    created_at: datetime
    symbols: int
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removed:
    """What was taken off a watchlist, with the places, so that it can be put back."""

    watchlist_id: int
    places: tuple[tuple[str, int], ...]
    sentence: str


class Watchlists:
    """Reads and changes watchlists. Who knows a symbol is asked before anything is written."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices

    def list(self) -> list[WatchlistInfo]:
        """Return every watchlist with its symbols."""
        with self._store.read() as session:
            lists = session.execute(select(_W.id, _W.name).order_by(_W.name)).all()
            items = select(_ITEM.watchlist_id, _I.symbol).join(t.instrument, _I.id == _ITEM.instrument_id)
            symbols: dict[int, list[str]] = defaultdict(list)
            for row in session.execute(items.order_by(_ITEM.position, _ITEM.id)):
                symbols[row.watchlist_id].append(row.symbol)
        return [WatchlistInfo(row.id, row.name, tuple(symbols[row.id])) for row in lists]

    def summaries(self) -> Sequence[WatchlistSummary]:
        """Return every watchlist by name, with its size and who analyses it."""
        with self._store.read() as session:
            return _summaries(session)

    def get(self, watchlist_id: int) -> WatchlistSummary:
        """Return one watchlist, or raise NotFound."""
        with self._store.read() as session:
            return _the(session, watchlist_id)

    def symbols(self, watchlist_id: int) -> tuple[str, ...]:
        """Return the symbols of one watchlist in its order, or raise NotFound."""
        with self._store.read() as session:
            return tuple(symbol for symbol, _ in _places(session, watchlist_id))

    def create(self, name: str, *, by: Actor) -> WatchlistSummary:
        """Make an empty watchlist; raises Invalid for the name and Refused when it is taken."""
        wanted = watchlist_name(name)
        with self._store.command(by, Action.CREATE, Subject.WATCHLIST) as command:
            _free(command.session, wanted)
            made = watchlist_items.make_watchlist(command.session, wanted, command.now)
            command.record(made, after=wanted)
        return self.get(made)

    def rename(self, watchlist_id: int, name: str, *, by: Actor) -> WatchlistSummary:
        """Give a watchlist another name; raises NotFound, Invalid, and Refused when it is taken."""
        wanted = watchlist_name(name)
        with self._store.command(by, Action.RENAME, Subject.WATCHLIST) as command:
            session = command.session
            before = watchlist_items.name_of(session, watchlist_id)
            if wanted != before:
                _free(session, wanted)
                session.execute(update(t.watchlist).where(_W.id == watchlist_id).values(name=wanted))
                command.record(watchlist_id, before=before, after=wanted)
        return self.get(watchlist_id)

    def delete(self, watchlist_id: int, *, by: Actor) -> None:
        """Delete a watchlist; its instruments and analyses stay. Raises Refused while schedules analyse it."""
        with self._store.command(by, Action.DELETE, Subject.WATCHLIST) as command:
            found = _the(command.session, watchlist_id)
            if found.schedules:
                one = len(found.schedules) == 1
                noun, verb, them = ("Schedule", "analyses", "it") if one else ("Schedules", "analyse", "them")
                sentence = f"{noun} {' and '.join(found.schedules)} {verb} {found.name}: change {them} first"
                raise Refused(sentence, code="WATCHLIST_IN_USE")
            command.session.execute(delete(t.watchlist).where(_W.id == watchlist_id))
            command.record(watchlist_id, before=found.name)

    def add_text(self, watchlist_id: int, text: str, *, by: Actor, unknown: bool = False) -> Report:
        """Add what a text holds, answered one by one; with `unknown` also what the price provider does not know."""
        return self._add(watchlist_id, pasted(text), by, unknown=unknown)

    def add_symbols(self, watchlist_id: int, symbols: Sequence[str], *, by: Actor, unknown: bool = False) -> Report:
        """Add symbols, each answered; with `unknown` also those that the price provider does not know."""
        given = [parse_symbol(number, symbol) for number, symbol in enumerate(symbols, start=1)]
        return self._add(watchlist_id, given, by, unknown=unknown)

    def remove(self, watchlist_id: int, symbols: Sequence[str], *, by: Actor) -> Removed:
        """Take symbols off a watchlist; those that are not on it are passed over. `put_back` undoes it."""
        wanted = {spelled(symbol) for symbol in symbols}
        with self._store.command(by, Action.REMOVE, Subject.WATCHLIST_ITEM) as command:
            session = command.session
            name = watchlist_items.name_of(session, watchlist_id)
            places = tuple(place for place in _places(session, watchlist_id) if place[0] in wanted)
            gone = [symbol for symbol, _ in places]
            ids = select(_I.id).where(_I.symbol.in_(gone))
            taken = (_ITEM.watchlist_id == watchlist_id, _ITEM.instrument_id.in_(ids))
            session.execute(delete(t.watchlist_item).where(*taken))
            if places:
                command.record(watchlist_id, before=" ".join(gone))
        what = places[0][0] if len(places) == 1 else f"{len(places):,} symbols"
        return Removed(watchlist_id, places, f"{what} taken off {name}")

    def put_back(self, removed: Removed, *, by: Actor) -> None:
        """Undo a removal: each symbol that is still an instrument stands in its old place again."""
        with self._store.command(by, Action.RESTORE, Subject.WATCHLIST_ITEM) as command:
            session = command.session
            watchlist_items.name_of(session, removed.watchlist_id)
            ids = watchlist_items.instrument_ids(session, [symbol for symbol, _ in removed.places])
            rows = [
                {"watchlist_id": removed.watchlist_id, "instrument_id": ids[symbol], "position": position}
                for symbol, position in removed.places
                if symbol in ids
            ]
            if rows:
                session.execute(upsert(t.watchlist_item).on_conflict_do_nothing(), rows)
                command.record(removed.watchlist_id, after=" ".join(ids))

    def reorder(self, watchlist_id: int, symbols: Sequence[str], to: int, *, by: Actor) -> None:
        """Move symbols so that the first of them stands in place `to` (1 is the top), the others behind it."""
        moved = list(dict.fromkeys(spelled(symbol) for symbol in symbols))
        with self._store.command(by, Action.ORDER, Subject.WATCHLIST_ITEM) as command:
            session = command.session
            before = [symbol for symbol, _ in _places(session, watchlist_id)]
            if absent := [symbol for symbol in moved if symbol not in before]:
                raise NotFound(f"{absent[0][:40]} is not on this watchlist")
            rest = [symbol for symbol in before if symbol not in set(moved)]
            at = max(0, min(len(rest), to - 1))
            ids = watchlist_items.instrument_ids(session, before)
            order = [*rest[:at], *moved, *rest[at:]]
            places = [{"an_instrument": ids[symbol], "position": place} for place, symbol in enumerate(order, start=1)]
            item = (_ITEM.watchlist_id == watchlist_id, _ITEM.instrument_id == bindparam("an_instrument"))
            if places:
                session.connection().execute(update(t.watchlist_item).where(*item), places)
            command.record(watchlist_id)

    def add(self, name: str, instruments: Sequence[InstrumentInfo], *, is_demo: bool = False) -> int:
        """Make a watchlist of these instruments, adding to the desk those that it does not know; return its id."""
        with self._store.write() as transaction:
            session = transaction.session
            taken = set(session.scalars(select(_W.name)))
            others = (f"{name} {number}" for number in count(2))
            free = name if name not in taken else next(other for other in others if other not in taken)
            made = watchlist_items.make_watchlist(session, free, self._store.clock.now(), is_demo=is_demo)
            watchlist_items.add(session, made, instruments, is_demo=is_demo)
        return made

    def _add(self, watchlist_id: int, given: Sequence[ParsedSymbol], by: Actor, *, unknown: bool) -> Report:
        with self._store.read() as session:
            watchlist_items.name_of(session, watchlist_id)
        given, lookup = watchlist_items.resolved(self._store, self._prices, given)
        symbols = [one.symbol for one in given if one.symbol]
        with self._store.command(by, Action.CREATE, Subject.WATCHLIST_ITEM) as command:
            session = command.session
            there = {symbol for symbol, _ in _places(session, watchlist_id)}
            known = watchlist_items.instrument_ids(session, symbols)
            lines, new_items = watchlist_items.plan(given, there, known, lookup, unknown=unknown)
            watchlist_items.add(session, watchlist_id, new_items)
            if new_items:
                command.record(watchlist_id, after=" ".join(item.symbol for item in new_items))
        return Report(lines)


def watchlist_name(name: str) -> str:
    """Return a watchlist's name as it is stored, or raise Invalid."""
    clean = clean_name(name)
    if not 1 <= len(clean) <= 80:
        raise Invalid("A watchlist's name has 1 to 80 characters", code="WATCHLIST_INVALID")
    return clean


def _free(session: Session, name: str) -> None:
    if session.scalar(select(_W.id).where(_W.name == name)) is not None:
        raise Refused(f"There is a watchlist {name} already", code="WATCHLIST_EXISTS")


def _the(session: Session, watchlist_id: int) -> WatchlistSummary:
    watchlist_items.name_of(session, watchlist_id)
    return _summaries(session, watchlist_id)[0]


def _summaries(session: Session, watchlist_id: int | None = None) -> list[WatchlistSummary]:
    of = t.schedule_watchlist.c
    size = select(func.count()).where(_ITEM.watchlist_id == _W.id).scalar_subquery()
    lists = select(t.watchlist, size.label("size")).order_by(_W.name)
    users = (
        select(of.watchlist_id, t.schedule.c.name)
        .join(t.schedule, t.schedule.c.id == of.schedule_id)
        .where(t.schedule.c.archived_at.is_(None))
        .order_by(t.schedule.c.name)
    )
    if watchlist_id is not None:
        lists, users = lists.where(_W.id == watchlist_id), users.where(of.watchlist_id == watchlist_id)
    names: dict[int, tuple[str, ...]] = {}
    for row in session.execute(users):
        names[row.watchlist_id] = (*names.get(row.watchlist_id, ()), row.name)
    return [
        WatchlistSummary(row.id, row.name, row.is_demo, row.created_at, row.size, names.get(row.id, ()))
        for row in session.execute(lists)
    ]


def _places(session: Session, watchlist_id: int) -> Sequence[tuple[str, int]]:
    """Return a list's symbols with their places, or raise NotFound."""
    watchlist_items.name_of(session, watchlist_id)
    rows = session.execute(
        select(_I.symbol, _ITEM.position)
        .join(t.watchlist_item, _ITEM.instrument_id == _I.id)
        .where(_ITEM.watchlist_id == watchlist_id)
        .order_by(_ITEM.position, _ITEM.id)
    )
    return [(row.symbol, row.position) for row in rows]
