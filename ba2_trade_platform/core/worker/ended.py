"""What of attempts that ended is worth counting, gathered inside the transaction that ends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.worker.buffers import Sheet
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Trigger

_T = t.attempt.c


@dataclass(frozen=True)
class Ended:
    """One attempt that ended. `after_...` are of the failure it answers; `first_failed_at` is set once it recovered."""

    analysis_id: int
    attempt: int
    trigger: Trigger
    mode: Mode
    outcome: Outcome
    finished_at: datetime
    started_at: datetime | None = None
    code: str | None = None
    kind: FailureKind | None = None
    message: str | None = None
    provider: str | None = None
    after_code: str | None = None
    after_failed_at: datetime | None = None
    first_failed_at: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long it worked, None when it never began."""
        return None if self.started_at is None else max(0.0, (self.finished_at - self.started_at).total_seconds())


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


def ended_by_sheets(session: Session, sheets: Sequence[Sheet]) -> list[Ended]:
    """Return the attempts that these sheets, all of them written, ended."""
    return _recovered(session, [_of_sheet(sheet) for sheet in sheets if sheet.end is not None])


def ended_as_written(session: Session, sheets: Sequence[Sheet], now: datetime) -> list[Ended]:
    """Return the same from what is in the database: some came too late, or were ended by this tick as a bug."""
    ends = {(one.claim.analysis_id, one.claim.attempt): (one.end.at, now) for one in sheets if one.end is not None}
    rows = session.execute(_ENDS_AMONG, {"e_ids": [analysis_id for analysis_id, _ in ends]})
    ended = [Ended(*tuple(row)) for row in rows]
    return _recovered(
        session, [one for one in ended if one.finished_at in ends.get((one.analysis_id, one.attempt), ())]
    )


def ended_of(session: Session, analysis_ids: Sequence[int]) -> list[Ended]:
    """Return the newest attempt of each of these analyses that has ended; they have just been ended otherwise."""
    if not analysis_ids:
        return []
    return [Ended(*tuple(row)) for row in session.execute(_NEWEST_ENDS, {"e_ids": list(analysis_ids)})]


def _of_sheet(sheet: Sheet) -> Ended:
    claim, end = sheet.claim, sheet.end
    assert end is not None  # noqa: S101 - the caller has looked
    failed = end.failure
    return Ended(
        claim.analysis_id,
        claim.attempt,
        claim.trigger,
        claim.mode,
        end.outcome,
        end.at,
        claim.started_at,
        code=failed.code.value if failed else None,
        kind=failed.kind if failed else None,
        message=failed.message if failed else None,
        provider=_provider(claim, failed),
        after_code=claim.after_code,
        after_failed_at=claim.after_failed_at,
    )


def _provider(claim: Claim, failed: Any) -> str | None:
    return (failed.provider if failed else None) or next(iter(claim.providers), None)


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
