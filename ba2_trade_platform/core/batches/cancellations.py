"""Ends what a cancelled batch still has, a slice a tick: all it needs is in its rows, so a killed console goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, insert, literal_column, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.completion.batches import announce_ended, settle_batches
from ba2_trade_platform.core.models.attempt_costs import add_up
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ItemOutcome, Outcome, Status, StepStatus

log = get_logger(__name__)
SLICE = 200
_A, _B, _ITEM, _T = t.analysis.c, t.batch.c, t.batch_item.c, t.attempt.c
_UNFINISHED = (
    select(_B.id, _B.name, _B.pause_reason, _B.paused_by)
    .where(_B.state == literal_column("'cancelled'"), _B.finished_at.is_(None))
    .order_by(_B.id)
    .limit(1)
)
_NEXT = (
    select(_A.id, _A.attempt, _A.status, _A.started_at)
    .join(t.batch_item, _ITEM.analysis_id == _A.id)
    .where(
        _ITEM.batch_id == bindparam("n_batch"),
        _ITEM.outcome == ItemOutcome.QUEUED,
        _A.status.in_([literal_column("'pending'"), literal_column("'running'")]),
    )
    .order_by(_ITEM.position)
    .limit(SLICE)
)
_CANCEL = (
    update(t.analysis)
    .where(_A.id == bindparam("c_id"))
    .values(
        status=after(Status.PENDING, Event.CANCEL),
        finished_at=bindparam("c_now"),
        duration_ms=bindparam("c_duration"),
        current_step=None,
        lease_token=None,
        lease_until=None,
        updated_at=bindparam("c_now"),
        version=_A.version + 1,
    )
)


def carry_on(session: Session, now: datetime) -> list[int]:
    """Cancel the next slice of the oldest batch that is being cancelled; return the analyses that it was."""
    batch = session.execute(_UNFINISHED).one_or_none()
    if batch is None:
        return []
    rows = session.execute(_NEXT, {"n_batch": batch.id}).all()
    others = _cancel(session, batch, rows, now) if rows else set()
    settle_batches(session, {batch.id, *others}, now)  # a schedule's run ends with its batch
    waits = exists().where(_ITEM.batch_id == batch.id, _ITEM.outcome == ItemOutcome.QUEUED)
    done = update(t.batch).where(_B.id == batch.id, ~waits).values(finished_at=now).returning(_B.id)
    announce_ended(session, session.scalars(done).all(), now)
    log.info("Batch %s: %s analyses cancelled", batch.id, len(rows), batch=batch.id, cancelled=len(rows))
    return [row.id for row in rows]


def _cancel(session: Session, batch: Any, rows: Sequence[Any], now: datetime) -> set[int]:
    """Cancel these analyses; return which other batches waited for them."""
    ids = [row.id for row in rows]
    session.connection().execute(
        _CANCEL, [{"c_id": row.id, "c_now": now, "c_duration": _duration(row, now)} for row in rows]
    )
    session.execute(
        update(t.attempt)
        .where(_T.analysis_id.in_(ids), _T.outcome.is_(None))
        .values(outcome=Outcome.CANCELLED, finished_at=now)
    )
    add_up(session, *((row.id, row.attempt) for row in rows))
    s = t.step.c
    session.execute(
        update(t.step)
        .where(s.analysis_id.in_(ids), s.status == StepStatus.RUNNING)
        .values(status=StepStatus.FAILED, finished_at=now, error_message=Outcome.CANCELLED.value)
    )
    reason = batch.pause_reason or "cancelled with its batch"
    waiting = _ITEM.analysis_id.in_(ids) & (_ITEM.outcome == ItemOutcome.QUEUED)
    others = set(session.scalars(select(_ITEM.batch_id).where(waiting, _ITEM.batch_id != batch.id)))
    session.execute(update(t.batch_item).where(waiting).values(outcome=ItemOutcome.SKIPPED, reason=reason))
    session.execute(
        insert(t.activity_log),
        [
            {
                "actor_id": batch.paused_by, "at": now, "subject_type": "analysis", "subject_id": row.id,
                "attempt": row.attempt, "what": "cancel", "before": row.status.value, "after": "cancelled",
                "reason": f"batch {batch.id}: {reason}",
            }
            for row in rows
        ],
    )  # fmt: skip
    return others


def _duration(row: Any, now: datetime) -> int | None:
    if row.status is not Status.RUNNING or row.started_at is None:
        return None
    seconds: float = (now - row.started_at).total_seconds()
    return round(seconds * 1000)
