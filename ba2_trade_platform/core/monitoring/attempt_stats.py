"""Attempt statistics: aggregates a window's attempts in SQL, bounded however long the window is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, Float, MetaData, Select, Table, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.schema import DropTable
from sqlalchemy.sql.elements import NamedColumn

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import hour_stamp, in_words, seconds_between
from ba2_trade_platform.db.types import Money
from ba2_trade_platform.vocabulary import FailureKind, Outcome, Trigger

BOUND = 100_000
SAMPLE = 10_000
MESSAGE = 200
_T = t.attempt.c
_COLUMNS: tuple[NamedColumn[Any], ...] = (
    _T.analysis_id, _T.number, _T.trigger, _T.outcome, _T.fingerprint, _T.after_fingerprint,
    _T.error_code.label("code"), _T.provider, _T.cost, _T.finished_at,
    t.analysis.c.expert_instance_id.label("expert"),
    _T.after_failed_at.is_not(None).label("answers"),
    func.round(seconds_between(_T.started_at, _T.finished_at), 3, type_=Float).label("seconds"),
    seconds_between(_T.after_failed_at, _T.queued_at).label("queued_after"),
    seconds_between(_T.after_failed_at, _T.started_at).label("started_after"),
    hour_stamp(_T.finished_at).label("hour"),
)  # fmt: skip
_RECENT = Table("recent_attempt", MetaData(), *(Column(column.name, column.type) for column in _COLUMNS))
_R = _RECENT.c
_BEGAN = _R.seconds.is_not(None).label("began")
_SUMS = (
    func.count().label("count"),
    func.coalesce(func.sum(_R.seconds), 0.0).label("seconds"),
    func.coalesce(func.sum(_R.cost, type_=Money), literal(Decimal(0), Money)).label("cost"),
)


@dataclass(frozen=True)
class Bucket:
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


@contextmanager
def collected(session: Session, since: datetime, expert: int | None) -> Iterator[None]:
    """Gather the window's attempts in a temporary table of this connection, for as long as a block lasts.

    They are looked up once instead of once a question; nothing is written to the database itself.
    """
    session.execute(DropTable(_RECENT, if_exists=True))
    session.execute(_recent(since, expert).into(_RECENT.name, temporary=True))
    try:
        yield
    finally:
        session.execute(DropTable(_RECENT, if_exists=True))


def buckets(session: Session) -> list[Bucket]:
    """Return the attempts by trigger, outcome, expert, error code, provider and whether they began.

    An attempt that never began was refused, cancelled or given up while it waited.
    """
    return _buckets(session, (_R.trigger, _R.outcome, _R.expert, _R.code, _R.provider, _R.answers, _BEGAN))


def error_buckets(session: Session) -> list[Bucket]:
    """Return the failed attempts by their own error, and what followed a failure by the error that it answers."""
    failed = (_R.outcome == Outcome.FAILED, _R.fingerprint.is_not(None))
    answering = (_R.after_fingerprint, _R.trigger, _R.outcome, _BEGAN)
    return [
        *_buckets(session, (_R.fingerprint, _R.code), *failed, trigger=Trigger.FIRST, outcome=Outcome.FAILED),
        *_buckets(session, answering, _R.after_fingerprint.is_not(None), answers=True),
    ]


def hours(session: Session, zone: ZoneInfo) -> list[Bucket]:
    """Return the attempts by trigger, outcome and the hour, 00 to 23 in `zone`, in which they ended."""
    # By date and hour, at most 721 of them: which hour of the day that is depends on the date too.
    return [
        replace(bucket, hour=f"{datetime.fromisoformat(f'{bucket.hour}Z').astimezone(zone):%H}")
        for bucket in _buckets(session, (_R.trigger, _R.outcome, _R.answers, _R.hour))
    ]


def waits(session: Session, triggers: Sequence[Trigger]) -> list[float]:
    """Return how many seconds after the failure the newest 10,000 attempts of these triggers came.

    A person's re-run came when it was queued, a retry when it began: it is queued at once and waits by itself.
    """
    came = _R.started_after if Trigger.RETRY in triggers else _R.queued_after
    rows = session.scalars(select(came).where(_R.trigger.in_(triggers), came.is_not(None)).limit(SAMPLE))
    return [max(0.0, seconds) for seconds in rows]


def recoveries(session: Session) -> list[float]:
    """Return how many seconds after their first failure the newest 10,000 recovered analyses completed."""
    earlier = t.attempt.alias()
    first = (
        select(func.min(earlier.c.finished_at))
        .where(earlier.c.analysis_id == _R.analysis_id, earlier.c.outcome == Outcome.FAILED)
        .scalar_subquery()
    )
    recovered = (_R.outcome == Outcome.COMPLETED) & _R.answers
    rows = session.scalars(select(seconds_between(first, _R.finished_at)).where(recovered).limit(SAMPLE))
    return [max(0.0, seconds) for seconds in rows if seconds is not None]


def slowest(session: Session, count: int) -> list[Slow]:
    """Return the attempts that worked longest."""
    rows = session.execute(
        select(_R.analysis_id, _R.number, t.analysis.c.symbol, t.expert_instance.c.alias, _R.outcome, _R.seconds)
        .join(t.analysis, t.analysis.c.id == _R.analysis_id)
        .join(t.expert_instance, t.expert_instance.c.id == t.analysis.c.expert_instance_id)
        .where(_R.seconds.is_not(None))
        .order_by(_R.seconds.desc(), _R.analysis_id.desc())
        .limit(count)
    )
    return [Slow(*tuple(row)) for row in rows]


def truncated(session: Session, since: datetime) -> bool:
    """Tell whether the window holds more attempts than are looked at."""
    return session.scalar(select(_T.id).where(_T.finished_at >= since).offset(BOUND).limit(1)) is not None


def texts(session: Session, found: Iterable[Bucket]) -> Texts:
    """Return how the keys of these cells are called; errors by their newest message."""
    i, g = t.expert_instance.c, t.failure_group.c
    experts = {row.id: row.alias for row in session.execute(select(i.id, i.alias))}
    kinds = {row[0]: row[1] for row in session.execute(select(g.fingerprint, g.kind).where(g.kind.is_not(None)))}
    weights: defaultdict[str, float] = defaultdict(float)
    for bucket in found:
        for fingerprint in filter(None, (bucket.fingerprint, bucket.after_fingerprint)):
            weights[fingerprint] += bucket.seconds + bucket.count
    errors = {}
    for fingerprint in sorted(weights, key=lambda key: -weights[key])[:200]:
        row = session.execute(
            select(_T.error_code, func.substr(_T.error_message, 1, MESSAGE))
            .where(_T.fingerprint == fingerprint)
            .order_by(_T.id.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            errors[fingerprint] = (row[0] or "", row[1] or "")
    return Texts(experts, errors, kinds)


def _buckets(
    session: Session, keys: Sequence[NamedColumn[Any]], *conditions: ColumnElement[bool], **given: Any
) -> list[Bucket]:
    """Return the attempts that meet these conditions, added up by these keys."""
    rows = session.execute(select(*keys, *_SUMS).where(*conditions).group_by(*keys))
    return [Bucket(**given, **row) for row in rows.mappings()]


def _recent(since: datetime, expert: int | None) -> Select[Any]:
    """Select the newest 100,000 attempts that ended in the window, of them those of one expert when it is given."""
    newest = (  # from the index alone; rows are looked up for these only
        select(_T.id)
        .where(_T.finished_at >= since)
        .order_by(_T.finished_at.desc(), _T.id.desc())
        .limit(BOUND)
        .subquery()
    )
    statement = (
        select(*_COLUMNS)
        .join(newest, newest.c.id == _T.id)
        .where(_T.outcome.is_distinct_from(in_words(Outcome.WITHDRAWN)))  # nothing was done
        .join(t.analysis, t.analysis.c.id == _T.analysis_id)
    )
    return statement if expert is None else statement.where(t.analysis.c.expert_instance_id == expert)
