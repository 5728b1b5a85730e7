"""Attempt history: reads the attempts of one analysis with actor, trigger, cost and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, false, func, literal, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.models.attempt_costs import Spend, read_spend
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Trigger

_T = t.attempt.c


@dataclass(frozen=True)
class Attempt:
    """One attempt: who, why, when, how long, and how it ended.

    `after_...` are of the failed attempt that it answers; `provider_choice` is whom it was told to ask or to leave
    out; `packed_into` names the file that its archive was packed away into. Tokens and `cost` are of its model calls;
    `at_least`: a part of the cost is not known (yet); `tokens_at_least` says the same of tokens.
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
    tokens_at_least: bool = False


_SETTINGS = t.expert_config.c.hash
_ATTEMPTS = Reader(
    Attempt,
    t.attempt,
    actor=t.actor.c.name,
    actor_kind=t.actor.c.kind,
    config_revision=t.expert_config.c.revision,
    has_archive=_T.packed_into.is_not(None)
    | select(t.archive.c.attempt_id).where(t.archive.c.attempt_id == _T.id).exists(),
    settings_changed=_SETTINGS.is_distinct_from(func.first_value(_SETTINGS).over(order_by=_T.number)),
    calls=literal(0),
    at_least=false(),
    tokens_at_least=false(),
)
_OF_ANALYSIS = (
    _ATTEMPTS.select()
    .join(t.actor, t.actor.c.id == _T.actor_id)
    .outerjoin(t.expert_config, t.expert_config.c.id == _T.config_id)
    .where(_T.analysis_id == bindparam("of_analysis"))
    .order_by(_T.number.desc())
)


def read_attempts(session: Session, analysis_id: int) -> list[Attempt]:
    """Return all attempts of an analysis, newest first."""
    spend = read_spend(session, analysis_id).attempts
    attempts = _ATTEMPTS.all(session, _OF_ANALYSIS, {"of_analysis": analysis_id})
    return [replace(attempt, **taken(spend.get(attempt.number))) for attempt in attempts]


def taken(spend: Spend | None) -> Mapping[str, Any]:
    """Return what calls took, as an attempt or a step says it; without calls it keeps what was written on it."""
    if spend is None:
        return {}
    return {
        "tokens": spend.tokens, "cost": spend.cost, "calls": spend.calls,
        "at_least": spend.at_least, "tokens_at_least": spend.tokens_at_least,
    }  # fmt: skip
