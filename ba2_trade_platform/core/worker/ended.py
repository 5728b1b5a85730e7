"""What of attempts that ended is worth counting, gathered inside the transaction that ends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.ended import _ENDS_AMONG, _recovered
from ba2_trade_platform.core.contracts.queue import Claim, Ended
from ba2_trade_platform.core.worker.buffers import Sheet


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
