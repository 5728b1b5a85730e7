"""Attempts of a window, added up by SQLite along everything that statistics ask for; bounded, whatever the window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Float, Select, case, func, literal, select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import FailureKind, Outcome, Trigger
from ba2_trade_platform.db.types import Money

BOUND = 100_000
SAMPLE = 10_000
GROUPS = 50_000
MESSAGE = 200
_T = t.attempt.c
_DAY = 86_400.0


@dataclass(frozen=True)
class Cell:
    """Equal attempts, added up: how many, how long they worked and what they cost. Empty parts were not asked for."""

    trigger: Trigger
    outcome: Outcome
    count: int
    seconds: float
    cost: Decimal
    expert: int | None = None
    fingerprint: str | None = None
    after_fingerprint: str | None = None
    code: str | None = None
    provider: str | None = None
    hour: str | None = None
    answers: bool = False
    began: bool = True

    @property
    def recovered(self) -> bool:
        """Whether these completed after a failure."""
        return self.outcome is Outcome.COMPLETED and self.answers


@dataclass(frozen=True)
class Slow:
    """One of the slowest attempts."""

    analysis_id: int
    attempt: int
    symbol: str
    expert: str
    outcome: Outcome
    seconds: float


@dataclass(frozen=True)
class Texts:
    """How keys are called: experts by id, errors by fingerprint as (code, message), and what persons said of them."""

    experts: Mapping[int, str]
    errors: Mapping[str, tuple[str, str]]
    kinds: Mapping[str, FailureKind]

    def expert(self, key: str) -> str:
        """Return an expert's alias."""
        return self.experts.get(int(key), f"expert {key}")

    def error(self, key: str) -> str:
        """Return an error as one line."""
        code, message = self.errors.get(key, ("", key))
        return f"{code}: {message}" if code else message

    def kind(self, key: str) -> FailureKind | None:
        """Return the kind that a person gave an error, None when nobody did."""
        return self.kinds.get(key)


def cells(session: Session, since: datetime, expert: int | None) -> list[Cell]:
    """Return the window's attempts by trigger, outcome, expert, error, error answered, provider and whether they began.

    An attempt that never began was refused, cancelled or given up while it waited.
    """
    recent = _recent(since, expert)
    c = recent.c
    began = c.started_at.is_not(None).label("began")
    keys = (
        c.trigger, c.outcome, c.expert_instance_id, c.fingerprint, c.after_fingerprint, c.error_code, c.provider,
        c.answers, began,
    )  # fmt: skip
    rows = session.execute(select(*keys, *_sums(c)).group_by(*keys).limit(GROUPS))
    return [
        Cell(row.trigger, row.outcome, row.attempts, row.seconds or 0.0, row.cost or Decimal(0), row.expert_instance_id,
             row.fingerprint, row.after_fingerprint, row.error_code, row.provider,
             answers=bool(row.answers), began=bool(row.began))
        for row in rows
    ]  # fmt: skip


def hours(session: Session, since: datetime, expert: int | None, zone: ZoneInfo) -> list[Cell]:
    """Return the window's attempts by trigger, outcome and the hour, 00 to 23 in `zone`, in which they ended."""
    recent = _recent(since, expert)
    c = recent.c
    # Dates and hours, at most 721 of them: which hour of the day that is depends on the date too.
    stamp = func.strftime("%Y-%m-%dT%H", c.finished_at)
    keys = (c.trigger, c.outcome, c.answers, stamp)
    rows = session.execute(select(*keys[:3], stamp.label("stamp"), *_sums(c)).group_by(*keys))
    return [
        Cell(row.trigger, row.outcome, row.attempts, row.seconds or 0.0, row.cost or Decimal(0),
             hour=f"{_local(row.stamp, zone):%H}", answers=bool(row.answers))
        for row in rows
    ]  # fmt: skip


def waits(session: Session, since: datetime, expert: int | None, triggers: Sequence[Trigger]) -> list[float]:
    """Return how many seconds after the failure the newest 10,000 attempts of these triggers came.

    A person's re-run came when it was queued, a retry when it began: it is queued at once and waits by itself.
    """
    recent = _recent(since, expert)
    c = recent.c
    came = c.started_at if Trigger.RETRY in triggers else c.queued_at
    rows = session.scalars(
        select(_seconds(c.after_failed_at, came))
        .where(c.trigger.in_(triggers), c.after_failed_at.is_not(None), came.is_not(None))
        .limit(SAMPLE)
    )
    return [max(0.0, seconds) for seconds in rows]


def recoveries(session: Session, since: datetime, expert: int | None) -> list[float]:
    """Return how many seconds after their first failure the newest 10,000 recovered analyses completed."""
    recent = _recent(since, expert)
    c = recent.c
    earlier = t.attempt.alias()
    first = (
        select(func.min(earlier.c.finished_at))
        .where(earlier.c.analysis_id == c.analysis_id, earlier.c.outcome == Outcome.FAILED)
        .scalar_subquery()
    )
    rows = session.scalars(
        select(_seconds(first, c.finished_at)).where(c.outcome == Outcome.COMPLETED, c.answers).limit(SAMPLE)
    )
    return [max(0.0, seconds) for seconds in rows if seconds is not None]


def slowest(session: Session, since: datetime, expert: int | None, count: int) -> list[Slow]:
    """Return the attempts that worked longest."""
    recent = _recent(since, expert)
    c = recent.c
    took = func.round(_seconds(c.started_at, c.finished_at), 3, type_=Float).label("took")
    rows = session.execute(
        select(c.analysis_id, c.number, t.analysis.c.symbol, t.expert_instance.c.alias, c.outcome, took)
        .join(t.analysis, t.analysis.c.id == c.analysis_id)
        .join(t.expert_instance, t.expert_instance.c.id == t.analysis.c.expert_instance_id)
        .where(c.started_at.is_not(None))
        .order_by(took.desc(), c.analysis_id.desc())
        .limit(count)
    )
    return [Slow(*tuple(row)) for row in rows]


def truncated(session: Session, since: datetime) -> bool:
    """Tell whether the window holds more attempts than are looked at."""
    some = select(literal(1)).select_from(t.attempt).where(_T.finished_at >= since).limit(BOUND + 1).subquery()
    return int(session.scalar(select(func.count()).select_from(some)) or 0) > BOUND


def texts(session: Session, found: Iterable[Cell]) -> Texts:
    """Return how the keys of these cells are called; errors by their newest message."""
    i, g = t.expert_instance.c, t.failure_group.c
    experts = {row.id: row.alias for row in session.execute(select(i.id, i.alias))}
    kinds = {row[0]: row[1] for row in session.execute(select(g.fingerprint, g.kind).where(g.kind.is_not(None)))}
    weights: dict[str, float] = {}
    for cell in found:
        for fingerprint in (cell.fingerprint, cell.after_fingerprint):
            if fingerprint:
                weights[fingerprint] = weights.get(fingerprint, 0.0) + cell.seconds + cell.count
    worst = sorted(weights, key=lambda key: -weights[key])[:200]
    errors = {}
    for fingerprint in worst:
        row = session.execute(
            select(_T.error_code, func.substr(_T.error_message, 1, MESSAGE))
            .where(_T.fingerprint == fingerprint)
            .order_by(_T.id.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            errors[fingerprint] = (row[0] or "", row[1] or "")
    return Texts(experts, errors, kinds)


def _recent(since: datetime, expert: int | None) -> Any:
    """Return the newest 100,000 attempts that ended in the window, of them those of one expert when it is given."""
    newest = (
        select(
            _T.analysis_id, _T.number, _T.trigger, _T.outcome, _T.fingerprint, _T.after_fingerprint,
            _T.error_code, _T.provider, _T.queued_at, _T.started_at, _T.finished_at, _T.after_failed_at, _T.cost,
            _T.after_failed_at.is_not(None).label("answers"),
        )
        .where(_T.finished_at >= since)
        .order_by(_T.finished_at.desc(), _T.id.desc())
        .limit(BOUND)
        .subquery()
    )  # fmt: skip
    statement: Select[Any] = select(newest, t.analysis.c.expert_instance_id).join(
        t.analysis, t.analysis.c.id == newest.c.analysis_id
    )
    if expert is not None:
        statement = statement.where(t.analysis.c.expert_instance_id == expert)
    return statement.subquery()


def _sums(c: Any) -> tuple[ColumnElement[Any], ...]:
    worked = case((c.started_at.is_not(None), _seconds(c.started_at, c.finished_at)), else_=0.0)
    return (
        func.count().label("attempts"),
        func.sum(worked).label("seconds"),
        func.sum(c.cost, type_=Money).label("cost"),
    )


def _seconds(earlier: Any, later: Any) -> ColumnElement[float]:
    days: ColumnElement[float] = func.julianday(later, type_=Float) - func.julianday(earlier, type_=Float)
    return days * _DAY


def _local(stamp: str, zone: ZoneInfo) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%dT%H").replace(tzinfo=UTC).astimezone(zone)
