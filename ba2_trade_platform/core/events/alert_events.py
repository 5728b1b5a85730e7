"""Alert events: raised and resolved in the caller's transaction, so that an alert agrees with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal_column, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.db import tables as t

_A = t.alert.c
# In words, for SQLite finds the partial index only where it can read the condition.
_UNACKNOWLEDGED: ColumnElement[bool] = literal_column("acknowledged_at IS NULL")


@dataclass(frozen=True)
class AlertEvent:
    """What a person must look at: `key` is the thing it is about, told once while nobody has acknowledged it."""

    kind: str
    key: str
    sentence: str
    link: str | None = None


def raise_alert(session: Session, alert: AlertEvent, at: datetime) -> bool:
    """Put this alert on the page, or count it once more; return whether it is new."""
    row = session.execute(
        upsert(t.alert)
        .values(
            kind=alert.kind, key=alert.key, sentence=alert.sentence, link=alert.link, first_at=at, last_at=at, seen=1
        )
        .on_conflict_do_update(
            index_elements=["key"],
            index_where=_UNACKNOWLEDGED,
            set_={
                "sentence": alert.sentence,
                "link": alert.link,
                "last_at": at,
                "seen": _A.seen + 1,
                "ended_at": None,
            },
        )
        .returning(_A.seen)
    ).one()
    is_new = bool(row.seen == 1)
    if is_new:
        facts = {"sentence": alert.sentence, "link": alert.link}
        record_events(session, [OutboxEvent(EventType.ALERT, alert.key, at, facts)])
    return is_new


def resolve_alert(session: Session, key: str, at: datetime) -> None:
    """Say of an alert that it is no longer so; it stays until somebody acknowledges it."""
    session.execute(update(t.alert).where(_A.key == key, _UNACKNOWLEDGED, _A.ended_at.is_(None)).values(ended_at=at))
