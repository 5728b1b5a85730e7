"""Preferences: keep small choices of each actor, such as the last re-run mode, for the next visit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t


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
