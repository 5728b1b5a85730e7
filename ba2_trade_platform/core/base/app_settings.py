"""App settings: key-value rows that change while the console runs, of the whole desk and of each actor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

log = logging.getLogger(__name__)

BUDGET_PER_DAY = "budget_per_day_usd"
HIGHEST = Decimal(1_000_000)
_S = t.desk_setting.c


@dataclass(frozen=True)
class DeskSetting:
    """One setting as it stands; `actor` and `changed_at` are empty until somebody has changed it."""

    value: Any = None
    actor: str | None = None
    changed_at: datetime | None = None


class DeskSettings:
    """Reads and changes the desk's settings by name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: str) -> DeskSetting:
        """Return a setting; its value is None until somebody has set it."""
        with self._store.read() as session:
            row = session.execute(
                select(_S.value, t.actor.c.name, _S.changed_at)
                .outerjoin(t.actor, t.actor.c.id == _S.actor_id)
                .where(_S.name == name)
            ).one_or_none()
        return DeskSetting(*tuple(row)) if row else DeskSetting()

    def change(self, name: str, value: Any, *, by: Actor, reason: str | None = None) -> DeskSetting:
        """Set a JSON-able value, None for not set; writes nothing when it stands already."""
        if self.get(name).value == value:
            return self.get(name)
        with self._store.command(by, Action.CHANGE, Subject.SETTING) as command:
            before = read_setting(command.session, name)
            write_setting(command.session, name, value, command.actor_id, command.now)
            command.record(key=name, before=_words(before), after=_words(value), reason=reason)
        log.info("%s changed %s from %s to %s", by, name, _words(before), _words(value))
        return self.get(name)


class Preferences:
    """Reads and writes what an actor chose; a value is JSON-able."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, who: Actor, name: str) -> Any:
        """Return what this actor chose last, None when he has not chosen yet."""
        column = t.actor.c
        with self._store.read() as session:
            kept = session.scalar(select(column.settings).where(column.kind == who.kind, column.name == who.name))
        return kept.get(name) if isinstance(kept, dict) else None

    def remember(self, who: Actor, name: str, value: Any) -> None:
        """Keep what this actor chose; writes nothing when it is what he chose before."""
        if self.get(who, name) == value:
            return
        with self._store.command(who, Action.CHANGE, Subject.PREFERENCE) as command:
            own = t.actor.c.id == command.actor_id
            kept = command.session.scalar(select(t.actor.c.settings).where(own)) or {}
            command.session.execute(update(t.actor).where(own).values(settings={**kept, name: value}))


def read_setting(session: Session, name: str) -> Any:
    """Return a setting's value in the caller's transaction, None when nobody has set it."""
    return session.scalar(select(_S.value).where(_S.name == name))


def write_setting(session: Session, name: str, value: Any, actor: int, at: datetime) -> None:
    """Keep a setting's JSON-able value in the caller's transaction."""
    row = {"value": value, "actor_id": actor, "changed_at": at}
    session.execute(
        upsert(t.desk_setting).values(name=name, **row).on_conflict_do_update(index_elements=["name"], set_=row)
    )


def amount(stored: Any) -> Decimal | None:
    """Return an amount in USD as it was stored, None for none."""
    return None if stored is None else Decimal(str(stored))


def stored_amount(wanted: Decimal | None) -> str | None:
    """Return an amount in USD as it is stored; raises Invalid for what no budget can be."""
    if wanted is None:
        return None
    if not wanted.is_finite() or not 0 <= wanted <= HIGHEST:
        raise Invalid(f"A budget is an amount from 0 to {HIGHEST:,} USD")
    return format(abs(wanted).quantize(Decimal("0.000001")).normalize(), "f")


def _words(value: Any) -> str:
    return "none" if value is None else str(value)
