"""Alert events: raised and resolved in the caller's transaction, so that an alert agrees with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal_column, update

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_A = t.alert.c
# In words, for SQLite finds the partial index only where it can read the condition.
UNACKNOWLEDGED: ColumnElement[bool] = literal_column("acknowledged_at IS NULL")


@dataclass(frozen=True)
class AlertEvent:
    """What a person must look at: `key` is the thing it is about, told once while nobody has acknowledged it."""

    kind: str
    key: str
    sentence: str
    link: str | None = None


def raise_alert(transaction: Transaction, alert: AlertEvent, at: datetime) -> bool:
    """Put this alert on the page, or count it once more; return whether it is new."""
    facts = {"sentence": alert.sentence, "link": alert.link}
    row = transaction.session.execute(
        upsert(t.alert)
        .values(kind=alert.kind, key=alert.key, **facts, first_at=at, last_at=at, seen=1)
        .on_conflict_do_update(
            index_elements=["key"],
            index_where=UNACKNOWLEDGED,
            set_={**facts, "last_at": at, "seen": _A.seen + 1, "ended_at": None},
        )
        .returning(_A.seen)
    ).one()
    transaction.touch(Topic.ALERTS)
    is_new = bool(row.seen == 1)
    if is_new:
        record_events(transaction.session, [OutboxEvent(EventType.ALERT, alert.key, at, facts)])
    return is_new


def resolve_alert(transaction: Transaction, key: str, at: datetime) -> None:
    """Say of an alert that it is no longer so; it stays until somebody acknowledges it."""
    standing = (_A.key == key, UNACKNOWLEDGED, _A.ended_at.is_(None))
    resolved = update(t.alert).where(*standing).values(ended_at=at).returning(_A.id)
    if transaction.session.execute(resolved).all():
        transaction.touch(Topic.ALERTS)
