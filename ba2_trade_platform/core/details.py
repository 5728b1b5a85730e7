"""Everything that is known of one analysis: steps, outputs, recommendation, attempts and what earlier attempts left."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.archives import expand
from ba2_trade_platform.core.errors import NotFound
from ba2_trade_platform.core.monitor import AnalysisRow, Monitor
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import Action, FailureKind, Mode, Outcome, RiskLevel, StepStatus, TimeHorizon, Trigger

__all__ = ["Archived", "Attempt", "Details", "Output", "Recommendation", "Step", "StepStatus"]


@dataclass(frozen=True)
class Step:
    """One step of the newest attempt."""

    id: int
    attempt: int
    position: int
    name: str
    status: StepStatus
    started_at: datetime
    finished_at: datetime | None
    tokens: int | None
    cost: Decimal | None
    provider: str | None
    error_message: str | None
    reused_from_attempt: int | None


@dataclass(frozen=True)
class Output:
    """One thing that the expert wrote; `text` is markdown that must be sanitised before it is shown."""

    id: int
    attempt: int
    step_id: int | None
    type: str
    name: str
    text: str
    created_at: datetime
    has_raw: bool


@dataclass(frozen=True)
class Recommendation:
    """The expert's answer."""

    id: int
    attempt: int
    action: Action
    confidence: float
    expected_profit_percent: float
    price_at_date: Decimal | None
    target_price: Decimal | None
    stop_price: Decimal | None
    currency: str
    risk_level: RiskLevel
    time_horizon: TimeHorizon
    details: str
    effective_as_of: datetime
    is_current: bool
    created_at: datetime


@dataclass(frozen=True)
class Attempt:
    """One attempt: who, why, when, how long, and how it ended."""

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


@dataclass(frozen=True)
class Archived:
    """What an earlier attempt left: outputs, steps, recommendation and state as plain data, and its traceback."""

    outputs: Sequence[dict[str, Any]]
    steps: Sequence[dict[str, Any]]
    recommendation: dict[str, Any] | None
    state: Any
    traceback: str | None


class Details:
    """Reads one analysis in depth; every method raises NotFound for an unknown id."""

    def __init__(self, store: Store, monitor: Monitor) -> None:
        self._store = store
        self._monitor = monitor

    def row(self, analysis_id: int) -> AnalysisRow:
        """Return the analysis as the table shows it."""
        rows = self._monitor.rows([analysis_id])
        if not rows:
            raise NotFound("Analysis not found", analysis_id=analysis_id)
        return rows[0]

    def error_message(self, analysis_id: int) -> str | None:
        """Return the whole error message; lists cut it at 500 characters."""
        with self._store.read() as session:
            _known(session, analysis_id)
            return session.scalar(select(t.analysis.c.error_message).where(t.analysis.c.id == analysis_id))

    def state(self, analysis_id: int) -> Any:
        """Return the expert's own working state."""
        with self._store.read() as session:
            _known(session, analysis_id)
            return session.scalar(select(t.analysis.c.state).where(t.analysis.c.id == analysis_id))

    def steps(self, analysis_id: int) -> list[Step]:
        """Return the newest attempt's steps in their order."""
        s = t.step.c
        columns = (s.id, s.attempt, s.position, s.name, s.status, s.started_at, s.finished_at, s.tokens, s.cost)
        with self._store.read() as session:
            _known(session, analysis_id)
            rows = session.execute(
                select(*columns, s.provider, s.error_message, s.reused_from_attempt)
                .where(s.analysis_id == analysis_id)
                .order_by(s.position)
            )
            return [Step(*tuple(row)) for row in rows]

    def outputs(self, analysis_id: int) -> list[Output]:
        """Return what the newest attempt wrote, in the order of writing."""
        o = t.output.c
        has_raw = select(t.raw_data.c.output_id).where(t.raw_data.c.output_id == o.id).exists()
        with self._store.read() as session:
            _known(session, analysis_id)
            rows = session.execute(
                select(o.id, o.attempt, o.step_id, o.type, o.name, o.text, o.created_at, has_raw)
                .where(o.market_analysis_id == analysis_id)
                .order_by(o.id)
            )
            return [Output(*tuple(row)) for row in rows]

    def raw(self, output_id: int) -> Any:
        """Return the data behind an output, None when it has none."""
        with self._store.read() as session:
            return expand(session.scalar(select(t.raw_data.c.data).where(t.raw_data.c.output_id == output_id)))

    def recommendation(self, analysis_id: int) -> Recommendation | None:
        """Return the newest attempt's recommendation, None when there is none."""
        r = t.recommendation.c
        columns = (
            r.id,
            r.attempt,
            r.recommended_action,
            r.confidence,
            r.expected_profit_percent,
            r.price_at_date,
            r.target_price,
            r.stop_price,
            r.currency,
            r.risk_level,
            r.time_horizon,
            r.details,
            r.effective_as_of,
            r.is_current,
            r.created_at,
        )
        with self._store.read() as session:
            _known(session, analysis_id)
            row = session.execute(select(*columns).where(r.market_analysis_id == analysis_id)).one_or_none()
            return Recommendation(*tuple(row)) if row else None

    def attempts(self, analysis_id: int) -> list[Attempt]:
        """Return all attempts, newest first."""
        a = t.attempt.c
        archived = select(t.archive.c.attempt_id).where(t.archive.c.attempt_id == a.id).exists()
        columns = (
            a.id,
            a.number,
            a.trigger,
            a.mode,
            a.base_attempt,
            t.actor.c.name,
            t.actor.c.kind,
            a.reason,
            a.queued_at,
            a.started_at,
            a.finished_at,
            a.outcome,
            a.error_code,
            a.error_message,
            a.failure_kind,
            a.fingerprint,
            a.effective_as_of,
            a.environment,
            a.worker_id,
            a.tokens,
            a.cost,
            t.expert_config.c.revision,
            archived,
        )
        with self._store.read() as session:
            _known(session, analysis_id)
            rows = session.execute(
                select(*columns)
                .join(t.actor, t.actor.c.id == a.actor_id)
                .outerjoin(t.expert_config, t.expert_config.c.id == a.config_id)
                .where(a.analysis_id == analysis_id)
                .order_by(a.number.desc())
            )
            return [Attempt(*tuple(row)) for row in rows]

    def archive(self, analysis_id: int, number: int) -> Archived:
        """Return what attempt `number` left behind; empty when it left nothing."""
        with self._store.read() as session:
            _known(session, analysis_id)
            row = session.execute(
                select(t.archive.c.contents, t.archive.c.traceback)
                .join(t.attempt, t.attempt.c.id == t.archive.c.attempt_id)
                .where(t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number)
            ).one_or_none()
        contents = (expand(row.contents) if row else None) or {}
        trace = zlib.decompress(row.traceback).decode() if row and row.traceback else None
        return Archived(
            outputs=contents.get("outputs", []),
            steps=contents.get("steps", []),
            recommendation=contents.get("recommendation"),
            state=contents.get("state"),
            traceback=trace,
        )


def _known(session: Session, analysis_id: int) -> None:
    if session.scalar(select(t.analysis.c.id).where(t.analysis.c.id == analysis_id)) is None:
        raise NotFound("Analysis not found", analysis_id=analysis_id)
