"""Attempt history: reads the attempts of one analysis with actor, trigger, cost and outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.models.attempt_costs import AnalysisSpend, read_spend
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Trigger

_T = t.attempt.c


@dataclass(frozen=True)
class Attempt:
    """One attempt: who, why, when, how long, and how it ended.

    `after_...` are of the failed attempt that it answers; `provider_choice` is whom it was told to ask or to leave
    out; `packed_into` names the file that its archive was packed away into. Tokens and `cost` are of its model calls;
    `at_least`: a part of the cost is not known (yet).
    """

    id: int
    number: int
    trigger: Trigger
    mode: Mode
    base_attempt: int
    actor: str
    actor_kind: str
    reason: str | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    error_code: str | None
    error_message: str | None
    failure_kind: FailureKind | None
    fingerprint: str | None
    effective_as_of: datetime | None
    environment: Any
    worker_id: str | None
    tokens: int | None
    cost: Decimal | None
    config_revision: int | None
    has_archive: bool
    currency: str
    warnings: Any
    step: str | None
    provider: str | None
    provider_choice: Any
    batch_id: int | None
    after_fingerprint: str | None
    after_code: str | None
    after_failed_at: datetime | None
    acknowledged: Any
    packed_into: str | None
    settings_changed: bool
    calls: int = 0
    at_least: bool = False


_ARCHIVED = select(t.archive.c.attempt_id).where(t.archive.c.attempt_id == _T.id).exists()
_COLUMNS = (
    _T.id,
    _T.number,
    _T.trigger,
    _T.mode,
    _T.base_attempt,
    t.actor.c.name,
    t.actor.c.kind,
    _T.reason,
    _T.queued_at,
    _T.started_at,
    _T.finished_at,
    _T.outcome,
    _T.error_code,
    _T.error_message,
    _T.failure_kind,
    _T.fingerprint,
    _T.effective_as_of,
    _T.environment,
    _T.worker_id,
    _T.tokens,
    _T.cost,
    t.expert_config.c.revision,
    _ARCHIVED | _T.packed_into.is_not(None),
    _T.currency,
    _T.warnings,
    _T.step,
    _T.provider,
    _T.provider_choice,
    _T.batch_id,
    _T.after_fingerprint,
    _T.after_code,
    _T.after_failed_at,
    _T.acknowledged,
    _T.packed_into,
)


def read_attempts(session: Session, analysis_id: int) -> list[Attempt]:
    """Return all attempts of an analysis, newest first."""
    rows = session.execute(
        select(*_COLUMNS, t.expert_config.c.hash.label("settings_hash"))
        .join(t.actor, t.actor.c.id == _T.actor_id)
        .outerjoin(t.expert_config, t.expert_config.c.id == _T.config_id)
        .where(_T.analysis_id == analysis_id)
        .order_by(_T.number.desc())
    ).all()
    first = rows[-1].settings_hash if rows else None
    spend = read_spend(session, analysis_id)
    changed = [replace(Attempt(*tuple(row)), settings_changed=row.settings_hash != first) for row in rows]
    return [_with_calls(attempt, spend) for attempt in changed]


def _with_calls(attempt: Attempt, spend: AnalysisSpend) -> Attempt:
    """Return an attempt with what its calls took so far; one that made none keeps what was written on it."""
    took = spend.attempts.get(attempt.number)
    if took is None:
        return attempt
    return replace(attempt, tokens=took.tokens, cost=took.cost, calls=took.calls, at_least=took.at_least)
