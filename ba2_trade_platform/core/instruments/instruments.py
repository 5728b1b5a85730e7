"""Instruments: the symbols the desk knows, searched by text and label, and kept while a list needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.symbols import capitals, spelled, symbol_of
from ba2_trade_platform.core.base.text_encodings import misread_words
from ba2_trade_platform.core.schedules.next_runs import schedules_naming
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.db.sql import values_of

BOUND = 10_000
MAX_LIMIT = 500
MAX_LABELS = 20
_I = t.instrument.c
LONGEST = {"type": 40, "exchange": 20, "calendar": 20, "name": 200}
_CURRENCY = re.compile(r"[A-Z]{3}|")
_LABEL = re.compile(r"[^\s,;|][^,;|\n\r]{0,38}[^\s,;|]|[^\s,;|]")


@dataclass(frozen=True)
class InstrumentFields:
    """What can be said of an instrument; an empty text is: not known."""

    name: str = ""
    type: str = "stock"
    exchange: str = ""
    currency: str = ""
    calendar: str = ""
    labels: tuple[str, ...] = ()

    def checked(self) -> InstrumentFields:
        """Return it as it is stored, or raise Invalid."""
        texts = {}
        for name, most in LONGEST.items():
            texts[name] = clean_name(getattr(self, name))
            if len(texts[name]) > most:
                raise Invalid(f"The {name} is too long: {most} characters at most", code="INSTRUMENT_INVALID")
        currency = capitals(self.currency.strip())
        if not _CURRENCY.fullmatch(currency):
            raise Invalid(f"{self.currency[:20]} is no currency: three letters, such as USD", code="INSTRUMENT_INVALID")
        texts["type"] = texts["type"] or "stock"
        return InstrumentFields(**texts, currency=currency, labels=labels_of(self.labels))


@dataclass(frozen=True)
class Instrument(InstrumentFields):
    """An instrument of the desk, with the watchlists that hold it; `name_hint` says what is odd about its name."""

    symbol: str = ""
    id: int = 0
    is_demo: bool = False
    watchlists: tuple[str, ...] = ()
    name_hint: str = ""


class Instruments:
    """Keeps the instruments."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, text: str | None = None, label: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[Instrument]:
        """Return the instruments whose symbol begins with `text`, or whose name has it, and that bear `label`."""
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"A page has 1 to {MAX_LIMIT} instruments, not {limit}")
        conditions = _conditions(text, label)
        behind = [*conditions, _I.symbol > cursor] if cursor else conditions
        with self._store.read() as session:
            rows = session.execute(select(t.instrument).where(*behind).order_by(_I.symbol).limit(limit + 1)).all()
            some = select(_I.id).where(*conditions).limit(BOUND + 1).subquery()
            total = session.scalar(select(func.count()).select_from(some)) or 0
            lists = _lists_of(session, [row.id for row in rows[:limit]])
        items = tuple(_instrument(row, lists.get(row.id, ())) for row in rows[:limit])
        return Page(items, items[-1].symbol if len(rows) > limit else None, total=total)

    def get(self, symbol: str) -> Instrument:
        """Return one instrument, or raise NotFound."""
        found = self.find(symbol)
        if found is None:
            raise NotFound(f"There is no instrument {spelled(symbol)[:40]}")
        return found

    def find(self, symbol: str) -> Instrument | None:
        """Return one instrument, None when the desk does not know it."""
        with self._store.read() as session:
            row = session.execute(select(t.instrument).where(_I.symbol == spelled(symbol))).one_or_none()
            return None if row is None else _instrument(row, _lists_of(session, [row.id]).get(row.id, ()))

    def labels(self) -> list[str]:
        """Return every label that an instrument bears."""
        each = values_of(_I.labels)
        labels = select(each.c.value).select_from(t.instrument, each).distinct().order_by("value")
        with self._store.read() as session:
            return list(session.scalars(labels))

    def add(self, symbol: str, given: InstrumentFields, *, by: Actor) -> Instrument:
        """Add an instrument; raises Invalid for what is none and Refused when it is there."""
        name, checked = symbol_of(symbol), given.checked()
        with self._store.command(by, Action.CREATE, Subject.INSTRUMENT) as command:
            session = command.session
            if session.scalar(select(_I.id).where(_I.symbol == name)) is not None:
                raise Refused(f"The desk knows {name} already", code="INSTRUMENT_EXISTS")
            instrument_id = session.scalar(insert(t.instrument).values(**row_of(name, checked)).returning(_I.id))
            command.record(instrument_id, after=name)
        return self.get(name)

    def change(self, symbol: str, *, by: Actor, **given: Any) -> Instrument:
        """Change what is given of an instrument; raises NotFound and Invalid."""
        before = self.get(symbol)
        names = {field.name for field in fields(InstrumentFields)}
        if strange := sorted(set(given) - names):
            raise Invalid(f"An instrument has no {', '.join(strange)}")
        present = InstrumentFields(**{name: getattr(before, name) for name in names})
        checked = replace(present, **given).checked()
        with self._store.command(by, Action.CHANGE, Subject.INSTRUMENT) as command:
            row = row_of(before.symbol, checked)
            command.session.execute(update(t.instrument).where(_I.id == before.id).values(**row))
            command.record(before.id, before=str(asdict(present)), after=str(asdict(checked)))
        return self.get(symbol)

    def delete(self, symbol: str, *, by: Actor) -> None:
        """Delete an instrument; its finished analyses stay. Raises Refused while something still works with it."""
        found = self.get(symbol)
        with self._store.command(by, Action.DELETE, Subject.INSTRUMENT) as command:
            session = command.session
            needed = [f"on {' and '.join(found.watchlists)}"] if found.watchlists else []
            if naming := schedules_naming(session, found.symbol):
                needed.append(f"analysed by {' and '.join(naming)}")
            if needed:
                sentence = f"{found.symbol} is {' and '.join(needed)}: take it off there first"
                raise Refused(sentence, code="INSTRUMENT_IN_USE")
            session.execute(delete(t.instrument).where(_I.id == found.id))
            command.record(found.id, before=found.symbol)


def labels_of(given: Iterable[str]) -> tuple[str, ...]:
    """Return labels as they are stored, each once; raises Invalid."""
    labels = tuple(dict.fromkeys(label for label in map(clean_name, given) if label))
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise Invalid(f"{label[:40]} is no label: 40 characters at most, no , ; or |", code="INSTRUMENT_INVALID")
    if len(labels) > MAX_LABELS:
        raise Invalid(f"{len(labels)} labels are too many: {MAX_LABELS} at most", code="INSTRUMENT_INVALID")
    return labels


def row_of(symbol: str, given: InstrumentFields) -> dict[str, Any]:
    """Return a checked instrument as its row."""
    return {**asdict(given), "name": given.name or symbol, "symbol": symbol, "labels": list(given.labels) or None}


def _conditions(text: str | None, label: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted := (text or "").strip():
        begins = _I.symbol.startswith(spelled(wanted), autoescape=True)
        conditions.append(begins | _I.name.icontains(wanted, autoescape=True))
    if label:
        each = values_of(_I.labels)
        conditions.append(select(1).select_from(each).where(each.c.value == label).exists())
    return conditions


def _lists_of(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    item, watchlist = t.watchlist_item.c, t.watchlist.c
    rows = session.execute(
        select(item.instrument_id, watchlist.name)
        .join(t.watchlist, watchlist.id == item.watchlist_id)
        .where(item.instrument_id.in_(ids))
        .order_by(watchlist.name)
    )
    lists: dict[int, tuple[str, ...]] = {}
    for row in rows:
        lists[row.instrument_id] = (*lists.get(row.instrument_id, ()), row.name)
    return lists


def fields_of(row: AnyRow) -> InstrumentFields:
    """Return what a row says of an instrument."""
    return InstrumentFields(row.name, row.type, row.exchange, row.currency, row.calendar, tuple(row.labels or ()))


def _instrument(row: AnyRow, watchlists: tuple[str, ...]) -> Instrument:
    about = {"symbol": row.symbol, "id": row.id, "is_demo": row.is_demo, "name_hint": misread_words(row.name)}
    return Instrument(**vars(fields_of(row)), **about, watchlists=watchlists)
