"""Health facts: reads waits, channels and failed messages for health in a few bounded queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, column, func, literal_column, select, table
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.engine import database_size
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import MessageState, ScheduleClock, Status

BOUND = 10_000
_REVISION: Select[Any] = select(column("version_num")).select_from(table("alembic_version"))
_A, _I, _S, _C = t.analysis.c, t.expert_instance.c, t.schedule.c, t.notification_channel.c
_PENDING: ColumnElement[bool] = is_status(_A.status, Status.PENDING)
_NOT_PAUSED: ColumnElement[bool] = literal_column("NOT market_analysis.held")


@dataclass(frozen=True)
class Waiting:
    """One pending analysis and what could keep it from beginning; `limit` is how many its expert may run at once."""

    id: int
    symbol: str
    expert: str
    created_at: datetime
    available_at: datetime
    batch_paused: bool
    retry_provider: str | None
    expert_running: int
    limit: int | None


@dataclass(frozen=True)
class DatabaseFacts:
    """What the database tells. `oldest` is the first pending analysis of all, `due` the one due for the longest."""

    revision: str
    bytes: int
    free_bytes: int
    oldest: Waiting | None
    due: Waiting | None
    next_wake: datetime | None
    newest_at: datetime | None
    failing_channels: tuple[str, ...]
    failed_messages: int


_R = t.analysis.alias("running").c
_RUNNING = (
    select(func.count(_R.id))
    .where(_R.status == Status.RUNNING, _R.expert_instance_id == _A.expert_instance_id)
    .correlate(t.analysis)
    .scalar_subquery()
)
_WAITING = Reader(
    Waiting, t.analysis, expert=_I.alias, batch_paused=_A.held, expert_running=_RUNNING, limit=_I.max_concurrent
)
_FAILING = (
    select(_C.name)
    .where(_C.enabled, _C.last_error_at.is_not(None))
    .where(_C.last_sent_at.is_(None) | (_C.last_sent_at < _C.last_error_at))
    .order_by(_C.name)
    .limit(20)
)


def read_facts(store: Store, now: datetime) -> DatabaseFacts:
    """Read them all in one transaction; raises Unavailable when the database cannot be read."""
    with store.read() as session:
        size = database_size(session.connection())
        return DatabaseFacts(
            revision=str(session.execute(_REVISION).scalar_one()),
            bytes=size.bytes,
            free_bytes=size.free_bytes,
            oldest=_waiting(session, select(func.min(_A.id)).where(_PENDING)),
            due=_waiting(session, _longest_due(now)),
            next_wake=session.scalar(
                select(func.min(_S.wake_at)).where(
                    _S.wake_at.is_not(None), _S.enabled, _S.archived_at.is_(None), _S.clock == ScheduleClock.REAL
                )
            ),
            newest_at=session.scalar(select(_A.created_at).order_by(_A.id.desc()).limit(1)),
            failing_channels=tuple(session.scalars(_FAILING)),
            failed_messages=_failed_messages(session, now - timedelta(days=1)),
        )


def _longest_due(now: datetime) -> Select[Any]:
    first = select(_A.id, _A.available_at).where(_PENDING, _NOT_PAUSED, _A.available_at <= now).order_by(_A.id)
    some = first.limit(BOUND).subquery()
    return select(some.c.id).order_by(some.c.available_at, some.c.id).limit(1)


def _waiting(session: Session, wanted: Select[Any]) -> Waiting | None:
    found = session.scalar(wanted)
    if found is None:
        return None
    chosen = _WAITING.select().join(t.expert_instance, _I.id == _A.expert_instance_id).where(_A.id == found)
    return _WAITING.first(session, chosen)


def _failed_messages(session: Session, since: datetime) -> int:
    some = (
        select(t.notification.c.id)
        .where(t.notification.c.state == MessageState.FAILED, t.notification.c.due_at >= since)
        .limit(BOUND)
        .subquery()
    )
    return int(session.scalar(select(func.count()).select_from(some)) or 0)
