"""Batch cancellation: ends items a slice a tick from rows alone, so that a killed console goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from ba2_trade_platform.core.attempts.attempts import Change, standings
from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.batches.bulk_slices import skip_planned
from ba2_trade_platform.core.completion.batches import BatchCompletion
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import in_words, is_status
from ba2_trade_platform.vocabulary import BatchState, ItemOutcome, Status

log = get_logger(__name__)
SLICE = 200
_A, _B, _ITEM = t.analysis.c, t.batch.c, t.batch_item.c
_UNFINISHED = (
    select(_B.id, _B.stop_reason, _B.stopped_by)
    .where(is_status(_B.state, BatchState.CANCELLED), _B.finished_at.is_(None))
    .order_by(_B.id)
    .limit(1)
)
DUE = _UNFINISHED.with_only_columns(_B.id).order_by(None).limit(None).exists()
_NEXT = (
    select(_A.id)
    .join(t.batch_item, _ITEM.analysis_id == _A.id)
    .where(
        _ITEM.batch_id == bindparam("n_batch"),
        _ITEM.outcome == ItemOutcome.QUEUED,
        _A.status.in_([in_words(Status.PENDING), in_words(Status.RUNNING)]),
    )
    .order_by(_ITEM.position)
    .limit(SLICE)
)


class Cancellations:
    """Ends what cancelled batches still have, in the tick's transaction."""

    def __init__(self, transitions: Transitions, completion: BatchCompletion) -> None:
        self._transitions = transitions
        self._completion = completion

    def carry_on(self, transaction: Transaction, now: datetime) -> int:
        """Cancel the next slice of the oldest batch that is being cancelled; return how many analyses that was."""
        session = transaction.session
        batch = session.execute(_UNFINISHED).one_or_none()
        if batch is None:
            return 0
        reason = batch.stop_reason or "cancelled with its batch"
        skip_planned(session, batch.id, reason)
        ids = session.scalars(_NEXT, {"n_batch": batch.id}).all()
        changes = [
            Change(standing, now, reason=reason, logged=f"batch {batch.id}: {reason}")
            for standing in standings(session, ids).values()
        ]
        self._transitions.apply(transaction, Event.CANCEL, changes, by=batch.stopped_by)
        self._completion.settle(transaction, [batch.id], now)
        log.info("Batch %s: %s analyses cancelled", batch.id, len(ids), batch=batch.id, cancelled=len(ids))
        return len(ids)
