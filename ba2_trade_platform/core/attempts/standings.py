"""Standings: the row that an event expects, read with its newest attempt in the event's own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import Mode, Status, Subtype, Trigger

_A = t.analysis.c
_T = t.attempt.c


@dataclass(frozen=True)
class Standing:
    """One analysis as it stands in this transaction, and the newest of its attempts."""

    analysis_id: int
    attempt: int
    status: Status
    expert_instance_id: int
    symbol: str
    subtype: Subtype
    trigger: Trigger
    mode: Mode
    lease_token: str | None = None
    started_at: datetime | None = None
    provider: str | None = None
    after_code: str | None = None
    after_failed_at: datetime | None = None

    @classmethod
    def of(cls, claim: Claim) -> Standing:
        """Return what a worker holds, as it stands while its lease does."""
        return cls(
            analysis_id=claim.analysis_id,
            attempt=claim.attempt,
            status=Status.RUNNING,
            expert_instance_id=claim.expert_instance_id,
            symbol=claim.symbol,
            subtype=claim.subtype,
            trigger=claim.trigger,
            mode=claim.mode,
            lease_token=claim.token,
            started_at=claim.started_at,
            provider=next(iter(claim.providers), None),
            after_code=claim.after_code,
            after_failed_at=claim.after_failed_at,
        )


def standings(session: Session, analysis_ids: Sequence[int]) -> dict[int, Standing]:
    """Return how these analyses stand, by id; those that are not there are left out."""
    rows = session.execute(_STANDINGS, {"s_ids": list(analysis_ids)})
    return {row.analysis_id: Standing(**row._mapping) for row in rows}  # noqa: SLF001 - SQLAlchemy's public name


_STANDINGS = (
    select(
        _A.id.label("analysis_id"), _A.attempt, _A.status, _A.expert_instance_id, _A.symbol, _A.subtype,
        _T.trigger, _T.mode, _A.lease_token, _A.started_at, _T.provider, _T.after_code, _T.after_failed_at,
    )
    .join(t.attempt, (_T.analysis_id == _A.id) & (_T.number == _A.attempt))
    .where(_A.id.in_(bindparam("s_ids", expanding=True)))
)  # fmt: skip
