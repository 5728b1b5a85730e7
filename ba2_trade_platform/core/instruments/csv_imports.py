"""CSV import and export: previews a file of instruments or watchlists, then writes it in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import InstrumentInfo, Prices
from ba2_trade_platform.core.instruments.csv_files import (
    INSTRUMENT_COLUMNS,
    WATCHLIST_COLUMNS,
    FileLine,
    ReadFile,
    read_file,
    written,
)
from ba2_trade_platform.core.instruments.instruments import InstrumentFields, row_of
from ba2_trade_platform.core.instruments.symbol_parsing import (
    ImportResult,
    Line,
    ParsedSymbol,
    Report,
    SymbolLookup,
    look_up_symbols,
    parse_symbol,
)
from ba2_trade_platform.core.instruments.watchlist_items import add_items, plan_items
from ba2_trade_platform.core.instruments.watchlists import watchlist_name
from ba2_trade_platform.db import tables as t

_I = t.instrument.c
_W = t.watchlist.c
_ITEM = t.watchlist_item.c


@dataclass(frozen=True)
class _Change:
    """An instrument as a file wants it; `is_new` adds it."""

    symbol: str
    fields: InstrumentFields
    is_new: bool


class ListImports:
    """Reads and writes the files. A line that cannot be used is answered and left out; the others go in at once."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices

    # --- instruments ---------------------------------------------------------------------------------------------

    def instruments(self, text: str, *, by: Actor, preview: bool = False) -> Report:
        """Add and change the instruments of a file, which has a column `symbol`; raises Invalid for the whole file."""
        file = read_file(text, INSTRUMENT_COLUMNS, ("symbol",))
        given = [_parsed(line) for line in file.lines]
        lookup = self._look_up_nameless(file, given)
        if preview:
            with self._store.read() as session:
                return Report(_plan_instruments(session, file, given, lookup)[0], is_preview=True)
        with self._store.command(by, Action.IMPORT, Subject.INSTRUMENT) as command:
            lines, changes = _plan_instruments(command.session, file, given, lookup)
            _write(command.session, changes)
            command.record(after=Report(lines).sentence)
        return Report(lines)

    def instruments_file(self) -> str:
        """Return every instrument as a file."""
        with self._store.read() as session:
            rows = session.execute(select(*(_I[name] for name in INSTRUMENT_COLUMNS)).order_by(_I.symbol)).all()
        return written(INSTRUMENT_COLUMNS, ([*row[:-1], "|".join(row.labels or ())] for row in rows))

    # --- watchlists ----------------------------------------------------------------------------------------------

    def watchlists(
        self, text: str, *, by: Actor, into: int | None = None, unknown: bool = False, preview: bool = False
    ) -> Report:
        """Add the symbols of a file to the watchlists that it names, made where there are none, or all to `into`."""
        file = read_file(text, WATCHLIST_COLUMNS, ("symbol",) if into else WATCHLIST_COLUMNS)
        given = [_parsed(line) for line in file.lines]
        symbols = {one.symbol for one in given if one.symbol}
        with self._store.read() as session:
            strange = symbols - _known(session, symbols)
        lookup = look_up_symbols(self._prices, [one.symbol for one in given if one.symbol in strange])
        if preview:
            with self._store.read() as session:
                lines, _ = _plan_lists(session, file, given, lookup, into, unknown=unknown)
                return Report(lines, is_preview=True)
        with self._store.command(by, Action.IMPORT, Subject.WATCHLIST) as command:
            session = command.session
            lines, entries = _plan_lists(session, file, given, lookup, into, unknown=unknown)
            for name, new_items in entries.items():
                watchlist_id = _list_id(session, name)
                if watchlist_id is None:
                    values = {"name": name, "is_demo": False, "created_at": command.now}
                    watchlist_id = session.scalar(insert(t.watchlist).values(**values).returning(_W.id)) or 0
                add_items(session, watchlist_id, new_items)
                command.record(watchlist_id, after=" ".join(item.symbol for item in new_items))
        return Report(lines)

    def watchlists_file(self, watchlist_id: int | None = None) -> str:
        """Return every watchlist, or one, as a file."""
        chosen = (
            select(_W.name, _I.symbol)
            .join(t.watchlist_item, _ITEM.watchlist_id == _W.id)
            .join(t.instrument, _I.id == _ITEM.instrument_id)
            .order_by(_W.name, _ITEM.position, _ITEM.id)
        )
        if watchlist_id is not None:
            chosen = chosen.where(_W.id == watchlist_id)
        with self._store.read() as session:
            return written(WATCHLIST_COLUMNS, [tuple(row) for row in session.execute(chosen)])

    def _look_up_nameless(self, file: ReadFile, given: Sequence[ParsedSymbol]) -> SymbolLookup:
        """Ask the price provider about new instruments that the file gives no name."""
        pairs = zip(file.lines, given, strict=True)
        nameless = {one.symbol for line, one in pairs if one.symbol and not line.cells.get("name")}
        with self._store.read() as session:
            return look_up_symbols(self._prices, sorted(nameless - _known(session, nameless)))


def _parsed(line: FileLine) -> ParsedSymbol:
    if line.problem:
        return ParsedSymbol(line.number, "", None, line.problem)
    return parse_symbol(line.number, line.cells.get("symbol", ""))


def _plan_instruments(
    session: Session, file: ReadFile, given: Sequence[ParsedSymbol], lookup: SymbolLookup
) -> tuple[tuple[Line, ...], list[_Change]]:
    known = _fields(session, {one.symbol for one in given if one.symbol})
    lines: list[Line] = []
    changes: list[_Change] = []
    seen: set[str] = set()
    for line, one in zip(file.lines, given, strict=True):
        fate, reason = ImportResult.INVALID, one.reason
        if one.symbol in seen:
            fate, reason = ImportResult.DUPLICATE, "given twice: the first line counts"
        elif one.symbol:
            seen.add(one.symbol)
            before = known.get(one.symbol)
            try:
                now = _merged(before or _of(lookup.known.get(one.symbol)), line, file.columns)
            except Invalid as error:
                reason = str(error)
            else:
                same = before is not None and row_of(one.symbol, now) == row_of(one.symbol, before)
                fate = ImportResult.DUPLICATE if same else ImportResult.CHANGED if before else ImportResult.ADDED
                reason = "as it is" if same else ""
                if not same:
                    changes.append(_Change(one.symbol, now, before is None))
        lines.append(Line(one.number, one.symbol or one.text, fate, reason))
    return tuple(lines), changes


def _merged(before: InstrumentFields, line: FileLine, columns: frozenset[str]) -> InstrumentFields:
    said: dict[str, Any] = {name: line.cells[name] for name in INSTRUMENT_COLUMNS[1:-1] if line.cells.get(name)}
    if "labels" in columns:
        said["labels"] = tuple(line.cells.get("labels", "").split("|"))
    return replace(before, **said).checked()


def _of(info: InstrumentInfo | None) -> InstrumentFields:
    if info is None:
        return InstrumentFields()
    return InstrumentFields(
        name=info.name[:200], exchange=info.exchange, currency=info.currency, calendar=info.calendar
    )


def _fields(session: Session, symbols: set[str]) -> dict[str, InstrumentFields]:
    rows = session.execute(select(*(_I[name] for name in INSTRUMENT_COLUMNS)).where(_I.symbol.in_(symbols)))
    return {
        row.symbol: InstrumentFields(
            row.name, row.type, row.exchange, row.currency, row.calendar, tuple(row.labels or ())
        )
        for row in rows
    }


def _write(session: Session, changes: Sequence[_Change]) -> None:
    new = [row_of(change.symbol, change.fields) for change in changes if change.is_new]
    if new:
        session.execute(insert(t.instrument), [{**row, "is_demo": False} for row in new])
    for change in changes:
        if not change.is_new:
            values = row_of(change.symbol, change.fields)
            session.execute(update(t.instrument).where(_I.symbol == change.symbol).values(**values))


def _plan_lists(
    session: Session,
    file: ReadFile,
    given: Sequence[ParsedSymbol],
    lookup: SymbolLookup,
    into: int | None,
    *,
    unknown: bool,
) -> tuple[tuple[Line, ...], dict[str, list[Any]]]:
    by_list: dict[str, list[ParsedSymbol]] = {}
    lines: list[Line] = []
    target = None if into is None else _name_of(session, into)
    for line, one in zip(file.lines, given, strict=True):
        try:
            name = target or watchlist_name(line.cells.get("watchlist", "")) if not line.problem else ""
        except Invalid as error:
            lines.append(Line(one.number, one.symbol or one.text, ImportResult.INVALID, str(error)))
            continue
        by_list.setdefault(name, []).append(one)
    known = _known(session, {one.symbol for one in given if one.symbol}) | lookup.known.keys()
    entries: dict[str, list[Any]] = {}
    for name, asked in by_list.items():
        there = _there(session, name)
        answers, new_items = plan_items(asked, there, known, lookup, unknown=unknown, watchlist=name or None)
        lines += answers
        if new_items:
            entries[name] = new_items
    return tuple(sorted(lines, key=lambda line: line.number)), entries


def _known(session: Session, symbols: set[str]) -> set[str]:
    return set(session.scalars(select(_I.symbol).where(_I.symbol.in_(symbols))))


def _name_of(session: Session, watchlist_id: int) -> str:
    name: str | None = session.scalar(select(_W.name).where(_W.id == watchlist_id))
    if name is None:
        raise NotFound(f"There is no watchlist {watchlist_id}")
    return name


def _list_id(session: Session, name: str) -> int | None:
    return session.scalar(select(_W.id).where(_W.name == name))


def _there(session: Session, name: str) -> set[str]:
    chosen = select(_I.symbol).join(t.watchlist_item, _ITEM.instrument_id == _I.id).join(t.watchlist)
    return set(session.scalars(chosen.where(_W.name == name)))
