"""Ends analyses that never began: their time is over, or their expert cannot work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts import attempts
from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.completion.batches import settle_items
from ba2_trade_platform.core.failures.classification import Failure, failure
from ba2_trade_platform.core.failures.groups import Seen, note_failures
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, Status

log = get_logger(__name__)
_A = t.analysis.c


def refuse(session: Session, analysis_id: int, alias: str, reason: str, now: datetime) -> None:
    """Fail a pending analysis because its expert cannot work."""
    why = failure(ErrorCode.EXPERT_UNAVAILABLE, f"{alias} cannot work: {reason}")
    end_pending(session, analysis_id, Event.REFUSE, Outcome.FAILED, why, now)


def end_pending(
    session: Session, analysis_id: int, event: Event, outcome: Outcome, why: Failure, now: datetime
) -> None:
    """End a pending analysis and its open attempt with this failure."""
    number = session.scalar(select(_A.attempt).where(_A.id == analysis_id))
    if number is None:
        return
    if outcome is Outcome.FAILED:
        note_failures(session, [Seen(why.fingerprint, why.code.value, why.message, None, now)], now)
    attempts.close_attempt(session, analysis_id, number, outcome, now, why)
    settle_items(session, analysis_id, outcome, why.message, now)
    session.execute(
        update(t.analysis)
        .where(_A.id == analysis_id, _A.status == Status.PENDING)
        .values(
            status=after(Status.PENDING, event),
            finished_at=now,
            updated_at=now,
            error_code=why.code.value,
            error_message=why.message,
            failure_kind=why.kind,
            fingerprint=why.fingerprint,
            version=_A.version + 1,
        )
    )
    became = after(Status.PENDING, event).value
    log.warning(
        "Analysis %s: pending -> %s (%s)", analysis_id, became, why.message, analysis=analysis_id, code=why.code.value
    )
