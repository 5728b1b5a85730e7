"""Ended attempts: reads what became of those that ended, inside the transaction that ends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.queue import Ended
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import Outcome

_T = t.attempt.c
_ENDS = select(
    _T.analysis_id, _T.number, _T.trigger, _T.mode, _T.outcome, _T.finished_at, _T.started_at, _T.error_code,
    _T.failure_kind, _T.error_message, _T.provider, _T.after_code, _T.after_failed_at,
)  # fmt: skip
_later = t.attempt.alias()
# The newest attempt that has ended: a rescue closes one and opens the next.
_NEWEST_ENDS = _ENDS.where(
    _T.analysis_id.in_(bindparam("e_ids", expanding=True)),
    _T.number
    == select(func.max(_later.c.number))
    .where(_later.c.analysis_id == _T.analysis_id, _later.c.outcome.is_not(None))
    .scalar_subquery(),
)
_ENDS_AMONG = _ENDS.where(_T.analysis_id.in_(bindparam("e_ids", expanding=True)), _T.outcome.is_not(None))
_FIRST_FAILED = (
    select(_T.analysis_id, func.min(_T.finished_at))
    .where(_T.analysis_id.in_(bindparam("e_ids", expanding=True)), _T.outcome == Outcome.FAILED)
    .group_by(_T.analysis_id)
)


def ended_of(session: Session, analysis_ids: Sequence[int]) -> list[Ended]:
    """Return the newest attempt of each of these analyses that has ended; they have just been ended otherwise."""
    if not analysis_ids:
        return []
    return [Ended(*tuple(row)) for row in session.execute(_NEWEST_ENDS, {"e_ids": list(analysis_ids)})]


def _recovered(session: Session, ended: list[Ended]) -> list[Ended]:
    """Say of those that completed after a failure when their analysis first failed."""
    recovered = [one.analysis_id for one in ended if one.outcome is Outcome.COMPLETED and one.after_failed_at]
    if not recovered:
        return ended
    first = {row[0]: row[1] for row in session.execute(_FIRST_FAILED, {"e_ids": recovered})}
    return [
        replace(one, first_failed_at=first.get(one.analysis_id)) if one.analysis_id in recovered else one
        for one in ended
    ]
