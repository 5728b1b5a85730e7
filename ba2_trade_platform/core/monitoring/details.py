"""Analysis details: read model of one analysis with steps, outputs, recommendation, attempts and archives."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import false, literal, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles
from ba2_trade_platform.core.attempts.archives import expand, live
from ba2_trade_platform.core.base.errors import Impossible, NotFound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.models.attempt_costs import read_spend
from ba2_trade_platform.core.monitoring.attempt_diffs import AttemptDiff, Snapshot, compare
from ba2_trade_platform.core.monitoring.attempt_history import Attempt, read_attempts, taken
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow, JobList
from ba2_trade_platform.core.monitoring.timelines import Moment, read_deeds, timeline
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import RiskLevel, Signal, StepStatus, TimeHorizon

_A, _S, _O, _R = t.analysis.c, t.step.c, t.output.c, t.recommendation.c
# What of two recommendations is compared, in the order in which it is read.
COMPARED = (
    "recommended_action", "confidence", "expected_profit_percent", "price_at_date", "target_price", "stop_price",
    "currency", "risk_level", "time_horizon", "details",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of the newest attempt.

    Tokens and `cost` in USD are of its model calls; `at_least`: a part of the cost is not known (yet). One that was
    kept from an earlier attempt took nothing in this one.
    """

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
    calls: int = 0
    at_least: bool = False
    tokens_at_least: bool = False


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
    action: Signal
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
class Archived:
    """What an earlier attempt left: outputs, steps, recommendation and state as plain data, and its traceback."""

    outputs: Sequence[dict[str, Any]]
    steps: Sequence[dict[str, Any]]
    recommendation: dict[str, Any] | None
    state: Any
    traceback: str | None


_STEPS = Reader(Step, t.step, calls=literal(0), at_least=false(), tokens_at_least=false())
_OUTPUTS = Reader(
    Output, t.output, has_raw=select(t.raw_data.c.output_id).where(t.raw_data.c.output_id == _O.id).exists()
)
_RECOMMENDATIONS = Reader(Recommendation, t.recommendation, action=_R.recommended_action)


class Details:
    """Reads one analysis in depth; every method raises NotFound for an unknown id."""

    def __init__(self, store: Store, job_list: JobList, archive_files: ArchiveFiles | None = None) -> None:
        self._store = store
        self._job_list = job_list
        self._archive_files = archive_files

    def row(self, analysis_id: int) -> AnalysisRow:
        """Return the analysis as the table shows it."""
        rows = self._job_list.rows([analysis_id])
        if not rows:
            raise NotFound("Analysis not found", analysis_id=analysis_id)
        return rows[0]

    def error_message(self, analysis_id: int) -> str | None:
        """Return the whole error message; lists cut it at 500 characters."""
        with self._reading(analysis_id) as session:
            return session.scalar(select(_A.error_message).where(_A.id == analysis_id))

    def state(self, analysis_id: int) -> Any:
        """Return the expert's own working state."""
        with self._reading(analysis_id) as session:
            return session.scalar(select(_A.state).where(_A.id == analysis_id))

    def steps(self, analysis_id: int) -> list[Step]:
        """Return the newest attempt's steps in their order."""
        wanted = _STEPS.select().where(_S.analysis_id == analysis_id).order_by(_S.position)
        with self._reading(analysis_id) as session:
            spend = read_spend(session, analysis_id).steps
            steps = _STEPS.all(session, wanted)
        return [replace(step, **taken(spend.get((step.attempt, step.name)))) for step in steps]

    def outputs(self, analysis_id: int) -> list[Output]:
        """Return what the newest attempt wrote, in the order of writing."""
        wanted = _OUTPUTS.select().where(_O.market_analysis_id == analysis_id).order_by(_O.id)
        with self._reading(analysis_id) as session:
            return _OUTPUTS.all(session, wanted)

    def raw(self, output_id: int) -> Any:
        """Return the data behind an output, None when it has none."""
        with self._store.read() as session:
            return expand(session.scalar(select(t.raw_data.c.data).where(t.raw_data.c.output_id == output_id)))

    def recommendation(self, analysis_id: int) -> Recommendation | None:
        """Return the newest attempt's recommendation, None when there is none."""
        wanted = _RECOMMENDATIONS.select().where(_R.market_analysis_id == analysis_id)
        with self._reading(analysis_id) as session:
            return _RECOMMENDATIONS.first(session, wanted)

    def attempts(self, analysis_id: int) -> list[Attempt]:
        """Return all attempts, newest first."""
        with self._reading(analysis_id) as session:
            return read_attempts(session, analysis_id)

    def timeline(self, analysis_id: int) -> list[Moment]:
        """Return the states that the analysis went through and what was done to it, oldest first."""
        with self._reading(analysis_id) as session:
            return timeline(read_attempts(session, analysis_id), read_deeds(session, analysis_id))

    def compare(self, analysis_id: int, first: int, second: int) -> AttemptDiff:
        """Return what differs between two attempts; raises NotFound, and Invalid when it is one and the same."""
        if first == second:
            raise Impossible("Choose two different attempts to compare", code="SAME_ATTEMPT")
        attempts = {attempt.number: attempt for attempt in self.attempts(analysis_id)}
        for number in (first, second):
            if number not in attempts:
                raise NotFound(f"Analysis {analysis_id} has no attempt {number}", code="NO_ATTEMPT")
        before, after = (self._snapshot(analysis_id, attempts[number]) for number in (first, second))
        return compare(analysis_id, before, after)

    def _snapshot(self, analysis_id: int, attempt: Attempt) -> Snapshot:
        """Return an attempt as it can be compared: the newest one's live rows, an earlier one's archive."""
        with self._store.read() as session:
            settings = session.scalar(
                select(t.expert_config.c.settings)
                .join(t.attempt, t.attempt.c.config_id == t.expert_config.c.id)
                .where(t.attempt.c.id == attempt.id)
            )
            contents = live(session, analysis_id)
            # Asked last: whatever was read before a re-run had archived it was still this attempt's.
            newest = session.scalar(select(_A.attempt).where(_A.id == analysis_id))
        if attempt.number == newest:
            outputs, recommendation = contents["outputs"], contents["recommendation"]
        else:
            left = self.archive(analysis_id, attempt.number)
            outputs, recommendation = left.outputs, left.recommendation
        given = recommendation or {}
        answer = {name: given[name] for name in COMPARED if given.get(name) not in (None, "")}
        texts = [(str(output["name"]), str(output["text"])) for output in outputs]
        return Snapshot(attempt.number, _facts(attempt), answer, settings or {}, texts)

    def archive(self, analysis_id: int, number: int) -> Archived:
        """Return what attempt `number` left behind; empty when it left nothing."""
        with self._reading(analysis_id) as session:
            row = session.execute(
                select(t.attempt.c.packed_into, t.archive.c.contents, t.archive.c.traceback)
                .outerjoin(t.archive, t.archive.c.attempt_id == t.attempt.c.id)
                .where(t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number)
            ).one_or_none()
        if row is not None and row.packed_into and self._archive_files is not None:
            contents, trace = self._archive_files.read(row.packed_into, analysis_id, number)
        else:
            contents = (expand(row.contents) if row else None) or {}
            trace = zlib.decompress(row.traceback).decode() if row and row.traceback else None
        return Archived(
            outputs=contents.get("outputs", []),
            steps=contents.get("steps", []),
            recommendation=contents.get("recommendation"),
            state=contents.get("state"),
            traceback=trace,
        )

    @contextmanager
    def _reading(self, analysis_id: int) -> Iterator[Session]:
        """Open a read transaction in which the analysis is known to exist."""
        with self._store.read() as session:
            if session.scalar(select(_A.id).where(_A.id == analysis_id)) is None:
                raise NotFound("Analysis not found", analysis_id=analysis_id)
            yield session


def _facts(attempt: Attempt) -> dict[str, Any]:
    """Return what of an attempt is compared, as plain data."""
    took = None
    if attempt.finished_at and attempt.started_at:
        took = round((attempt.finished_at - attempt.started_at).total_seconds(), 3)
    environment = attempt.environment if isinstance(attempt.environment, dict) else {}
    bound = "at least " if attempt.at_least else ""
    cost = None if attempt.cost is None else f"{bound}{attempt.cost} {attempt.currency}"
    facts = {
        "outcome": attempt.outcome and attempt.outcome.value,
        "error code": attempt.error_code,
        "error": attempt.error_message,
        "seconds": took,
        "cost": cost,
        "tokens": f"at least {attempt.tokens}" if attempt.tokens_at_least else attempt.tokens,
        "mode": attempt.mode.value,
        "provider": attempt.provider,
        "as of": attempt.effective_as_of and attempt.effective_as_of.isoformat(),
        **{str(name): value for name, value in environment.items()},
    }
    return {name: value for name, value in facts.items() if value is not None}
