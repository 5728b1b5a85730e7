"""CSV import and export: previews a file of instruments or watchlists, then writes it in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.text_encodings import misread_words
from ba2_trade_platform.core.contracts.experts import InstrumentInfo, Prices
from ba2_trade_platform.core.instruments import watchlist_items
from ba2_trade_platform.core.instruments.csv_files import INSTRUMENT_COLUMNS, WATCHLIST_COLUMNS, FileLine, written
from ba2_trade_platform.core.instruments.instruments import LONGEST, InstrumentFields, fields_of, row_of
from ba2_trade_platform.core.instruments.list_files import Listed, ListFile, read_list
from ba2_trade_platform.core.instruments.symbol_lookup import SymbolLookup, by_desk, by_provider, look_up
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, Line, ParsedSymbol, Report
from ba2_trade_platform.core.instruments.watchlists import watchlist_name
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_I = t.instrument.c
_W = t.watchlist.c
_ITEM = t.watchlist_item.c


class ListImports:
    """Reads and writes the files. A line that cannot be used is answered and left out; the others go in at once."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices

    def instruments(self, file: ListFile | str, *, by: Actor, preview: bool = False) -> Report:
        """Add and change the instruments of a file, which has a column `symbol`; raises Invalid for the whole file.

        What is not certain of a file, as its encoding, is assumed for a preview and has to be chosen before it is
        written.
        """
        listed = read_list(file, INSTRUMENT_COLUMNS, ("symbol",), preview=preview)
        # The price provider is asked about new instruments that the file gives no name, or as another console does.
        asked = [not line.cells.get("name") or not listed.is_ours for line, _ in listed.given]
        meant, lookup = self._resolved(listed.given, asked)
        if preview:
            with self._store.read() as session:
                lines = _plan_instruments(session, listed, meant, lookup)[0]
            return Report(lines, is_preview=True, reading=listed.reading)
        with self._store.command(by, Action.IMPORT, Subject.INSTRUMENT) as command:
            lines, rows = _plan_instruments(command.session, listed, meant, lookup)
            if rows:
                adding = upsert(t.instrument)
                changed = {name: adding.excluded[name] for name in INSTRUMENT_COLUMNS[1:]}
                command.session.execute(adding.on_conflict_do_update(index_elements=["symbol"], set_=changed), rows)
            command.record(after=Report(lines).sentence)
        return Report(lines, reading=listed.reading)

    def instruments_file(self) -> str:
        """Return every instrument as a file."""
        with self._store.read() as session:
            rows = session.execute(select(*(_I[name] for name in INSTRUMENT_COLUMNS)).order_by(_I.symbol)).all()
        return written(INSTRUMENT_COLUMNS, ([*row[:-1], "|".join(row.labels or ())] for row in rows))

    def watchlists(
        self, file: ListFile | str, *, by: Actor, into: int | None = None, unknown: bool = False, preview: bool = False
    ) -> Report:
        """Add the symbols of a file to the watchlists that it names, made where there are none, or all to `into`."""
        needed = ("symbol",) if into else WATCHLIST_COLUMNS
        listed = read_list(file, WATCHLIST_COLUMNS, needed, preview=preview, plain=bool(into))
        meant, lookup = self._resolved(listed.given, [True] * len(listed.given))
        if preview:
            with self._store.read() as session:
                lines = _plan_lists(session, listed, meant, lookup, into, unknown=unknown)[0]
            return Report(lines, is_preview=True, reading=listed.reading)
        with self._store.command(by, Action.IMPORT, Subject.WATCHLIST) as command:
            session = command.session
            lines, entries = _plan_lists(session, listed, meant, lookup, into, unknown=unknown)
            for name, new_items in entries.items():
                watchlist_id = session.scalar(select(_W.id).where(_W.name == name))
                watchlist_id = watchlist_id or watchlist_items.make_watchlist(session, name, command.now)
                watchlist_items.add(session, watchlist_id, new_items)
                command.record(watchlist_id, after=" ".join(info.symbol for info in new_items))
        return Report(lines, reading=listed.reading)

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

    def _resolved(
        self, given: Sequence[tuple[FileLine, ParsedSymbol]], asked: Sequence[bool]
    ) -> tuple[list[ParsedSymbol], SymbolLookup]:
        """Return the symbols of the lines in their places, in the spelling that desk or price provider know."""
        with self._store.read() as session:
            known = watchlist_items.known_of(session, [one for _, one in given])
        meant = by_desk([one for _, one in given], known)
        new = [one for one, wanted in zip(meant, asked, strict=True) if wanted and one.symbol not in known]
        lookup = look_up(self._prices, new)
        return by_provider(meant, lookup), lookup


def _plan_instruments(
    session: Session, listed: Listed, meant: Sequence[ParsedSymbol], lookup: SymbolLookup
) -> tuple[tuple[Line, ...], list[dict[str, Any]]]:
    """Return what becomes of each line, and the rows of the instruments that are new or changed."""
    named = {one.symbol for one in meant if one.symbol}
    known = session.execute(select(t.instrument).where(_I.symbol.in_(named)))
    present = {row.symbol: fields_of(row) for row in known}
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for (line, _), one in zip(listed.given, meant, strict=True):
        fate, reason = one.fate or ImportResult.INVALID, one.reason
        if one.symbol in seen and one.fate is None:
            fate, reason = ImportResult.DUPLICATE, "given twice: the first line counts"
        elif one.symbol and one.fate is None:
            seen.add(one.symbol)
            before = present.get(one.symbol)
            try:
                now = _merged(before or _of(lookup.known.get(one.symbol)), line, listed)
            except Invalid as error:
                reason = str(error)
            else:
                row = row_of(one.symbol, now)
                same = before is not None and row == row_of(one.symbol, before)
                fate = ImportResult.DUPLICATE if same else ImportResult.CHANGED if before else ImportResult.ADDED
                reason = "; ".join(filter(None, ["as it is" if same else "", one.reason, misread_words(now.name)]))
                if not same:
                    rows.append({**row, "is_demo": False})
        lines.append(Line(one.number, one.text if one.fate else one.symbol or one.text, fate, reason))
    return tuple(lines), rows


def _merged(before: InstrumentFields, line: FileLine, listed: Listed) -> InstrumentFields:
    said: dict[str, Any] = {name: line.cells[name] for name in INSTRUMENT_COLUMNS[1:-1] if line.cells.get(name)}
    if not listed.is_ours:
        said = {name: text for name, text in said.items() if _fits(name, text)}
        # Brokers write names in capitals and cut them: one that is known already counts more.
        said = {name: text for name, text in said.items() if name != "name" or not before.name}
    if "labels" in listed.columns:
        said["labels"] = tuple(line.cells.get("labels", "").split("|"))
    return replace(before, **said).checked()


def _fits(name: str, text: str) -> bool:
    """Tell whether a broker's word can be kept; it says other things by the same headings."""
    return len(text) <= LONGEST.get(name, 3) and (name != "currency" or (text.isascii() and text.isalpha()))


def _of(info: InstrumentInfo | None) -> InstrumentFields:
    if info is None:
        return InstrumentFields()
    return InstrumentFields(
        name=info.name[:200], exchange=info.exchange, currency=info.currency, calendar=info.calendar
    )


def _plan_lists(
    session: Session,
    listed: Listed,
    meant: Sequence[ParsedSymbol],
    lookup: SymbolLookup,
    into: int | None,
    *,
    unknown: bool,
) -> tuple[tuple[Line, ...], dict[str, list[InstrumentInfo]]]:
    """Return what becomes of each line, and what goes on each list."""
    by_list: dict[str, list[ParsedSymbol]] = defaultdict(list)
    lines: list[Line] = []
    target = None if into is None else watchlist_items.name_of(session, into)
    for (line, _), one in zip(listed.given, meant, strict=True):
        try:
            left = line.problem or one.fate
            name = "" if left else target or watchlist_name(line.cells.get("watchlist", ""))
        except Invalid as error:
            lines.append(Line(one.number, one.symbol or one.text, ImportResult.INVALID, str(error)))
        else:
            by_list[name].append(one)
    known = watchlist_items.instrument_ids(session, {one.symbol for one in meant if one.symbol})
    items = select(_I.symbol).join(t.watchlist_item, _ITEM.instrument_id == _I.id).join(t.watchlist)
    entries: dict[str, list[InstrumentInfo]] = {}
    for name, asked in by_list.items():
        there = set(session.scalars(items.where(_W.name == name)))
        answers, new_items = watchlist_items.plan(asked, there, known, lookup, unknown=unknown, watchlist=name or None)
        lines += answers
        if new_items:
            entries[name] = new_items
    return tuple(sorted(lines, key=lambda line: line.number)), entries
