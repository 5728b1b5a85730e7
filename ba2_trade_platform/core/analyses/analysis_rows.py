"""Analysis with expert: the row that the verbs on one analysis read and decide by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import FailureKind, Status, Subtype

_A, _I = t.analysis.c, t.expert_instance.c


@dataclass(frozen=True, slots=True)
class AnalysisWithExpert:
    """One analysis as it stands, with the limits of its expert and the settings that it would be given now."""

    id: int
    symbol: str
    subtype: Subtype
    status: Status
    attempt: int
    as_of: datetime | None
    run_before: datetime | None
    priority: int
    expert_instance_id: int
    reruns_used: int
    retries_used: int
    started_at: datetime | None
    updated_at: datetime
    dedupe_key: str
    error_code: str | None
    error_message: str | None
    failure_kind: FailureKind | None
    fingerprint: str | None
    expert: str
    alias: str
    enabled: bool
    archived_at: datetime | None
    max_reruns: int
    max_retries: int
    current_config_id: int | None


_READER = Reader(
    AnalysisWithExpert, t.analysis, expert=_I.expert, alias=_I.alias, enabled=_I.enabled, archived_at=_I.archived_at,
    max_reruns=_I.max_reruns, max_retries=_I.max_retries, current_config_id=_I.config_id,
)  # fmt: skip
_ROWS = _READER.select().join(t.expert_instance, _I.id == _A.expert_instance_id)


def row_of(session: Session, analysis_id: int) -> AnalysisWithExpert:
    """Return what the verbs need to know of an analysis and its expert, or raise NotFound."""
    row = _READER.first(session, _ROWS.where(_A.id == analysis_id))
    if row is None:
        raise NotFound("Analysis not found", analysis_id=analysis_id)
    return row
