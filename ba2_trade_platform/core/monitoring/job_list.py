"""Job list: read model of Job Monitoring with keyset cursor and bounded counts, never a full scan."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Enum, Float, Integer, asc, desc, func, literal, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from ba2_trade_platform.core.analyses.filters import Filter, conditions_of
from ba2_trade_platform.core.attempts.lifecycle import Event, allows
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.pages import Page, checked_limit, database_integer, decode_cursor, encode_cursor
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import unindexed
from ba2_trade_platform.db.types import UtcDateTime
from ba2_trade_platform.vocabulary import FailureKind, Signal, Source, Status, Subtype

_A = t.analysis.c
_I = t.expert_instance.c
BOUND = 10_000
MAX_LIMIT = 500
SORTS: dict[str, Any] = {
    "id": _A.id,
    "symbol": _A.symbol,
    "expert": _A.expert_instance_id,
    "status": _A.status,
    "failure": _A.error_code,
    "recommendation": _A.result_action,
    "confidence": _A.result_confidence,
    "expected_profit": _A.result_expected_profit,
    "attempt": _A.attempt,
    "created": _A.created_at,
    "finished": _A.finished_at,
    "duration": _A.duration_ms,
    "source": _A.source,
    "subtype": _A.subtype,
}


@dataclass(frozen=True)
class AnalysisRow:
    """One line of the table."""

    id: int
    symbol: str
    expert_instance_id: int
    expert: str
    status: Status
    subtype: Subtype
    source: Source
    batch_id: int | None
    priority: int
    as_of: datetime | None
    run_before: datetime | None
    error_code: str | None
    error_message: str | None
    failure_kind: FailureKind | None
    fingerprint: str | None
    action: Signal | None
    confidence: float | None
    expected_profit: float | None
    attempt: int
    reruns_used: int
    max_reruns: int
    retries_used: int
    rescues_used: int
    progress: int
    current_step: str | None
    created_at: datetime
    updated_at: datetime
    available_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    version: int
    max_retries: int
    retry_provider: str | None
    held: bool = False

    @property
    def retrying(self) -> bool:
        """Whether it waits for its automatic retry: the failure that it is to be retried for is still on it."""
        return self.status is Status.PENDING and self.error_code is not None

    def offers(self, event: Event) -> bool:
        """Whether this verb's button is to be shown."""
        return allows(self.status, event, retrying=self.retrying)


@dataclass(frozen=True)
class Counts:
    """How many analyses there are, each number at most 10,000 (then there are more)."""

    pending: int
    running: int
    failed: int
    failed_today: int
    completed: int
    bound: int = BOUND


_ROWS = Reader(
    AnalysisRow,
    t.analysis,
    expert=_I.alias,
    error_message=func.substr(_A.error_message, 1, 500),
    action=_A.result_action,
    confidence=_A.result_confidence,
    expected_profit=_A.result_expected_profit,
    max_reruns=_I.max_reruns,
    max_retries=_I.max_retries,
)


@dataclass(frozen=True)
class _Key:
    """Where a page ended: the sort value (None among the NULLs, which come last) and the id."""

    value: Any
    id: int


class JobList:
    """Reads analyses for tables, counts and single rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self,
        chosen: Filter | None = None,
        *,
        sort: str = "id",
        descending: bool = True,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AnalysisRow]:
        """Return up to `limit` (1-500) rows after `cursor`. Raises Invalid for an unknown sort or a broken cursor."""
        if sort not in SORTS:
            raise Invalid(f"Cannot sort by {sort[:40]}; choose one of {', '.join(SORTS)}", code="INVALID_SORT")
        checked_limit(limit, MAX_LIMIT)
        chosen = chosen or Filter()
        after = decode_cursor(cursor, partial(_key, sort)) if cursor else None
        bounded = sort != "id" and chosen.parts > 0
        with self._store.read() as session:
            ids = self._ids(session, chosen, sort, descending, after, limit + 1, bounded)
            rows = self._rows(session, [row_id for row_id, _ in ids[:limit]])
        last = ids[limit - 1] if len(ids) > limit else None
        next_cursor = encode_cursor(last[1], last[0]) if last else None
        return Page(tuple(rows), next_cursor, bounded=bounded and self.count(chosen) > BOUND)

    def rows(self, analysis_ids: Sequence[int]) -> list[AnalysisRow]:
        """Return these rows, in this order; what is gone is missing."""
        with self._store.read() as session:
            return self._rows(session, analysis_ids)

    def matching(self, analysis_ids: Sequence[int], chosen: Filter) -> set[int]:
        """Return which of these analyses match a filter."""
        with self._store.read() as session:
            return set(session.scalars(select(_A.id).where(_A.id.in_(analysis_ids), *conditions_of(chosen))))

    def count(self, chosen: Filter | None = None) -> int:
        """Return how many analyses match, 10,001 standing for more."""
        with self._store.read() as session:
            return bounded_count(session, *conditions_of(chosen or Filter()))

    def counts(self, today: datetime) -> Counts:
        """Return the numbers of the top strip; `today` is the instant at which the trader's day began."""
        statuses = (Status.PENDING, Status.RUNNING, Status.FAILED, Status.COMPLETED)
        ended_today = conditions_of(Filter(status=(Status.FAILED,), finished_since=today))
        with self._store.read() as session:
            return Counts(
                **{status.value: bounded_count(session, _A.status == status) for status in statuses},
                failed_today=bounded_count(session, *ended_today),
            )

    def _ids(
        self,
        session: Session,
        chosen: Filter,
        sort: str,
        descending: bool,
        after: _Key | None,
        limit: int,
        bounded: bool,
    ) -> list[tuple[int, Any]]:
        """Return (id, sort value) of a page: first the rows that have a value, then the NULLs, ids breaking ties."""
        conditions = conditions_of(chosen)
        by_id: Any = _A.id
        if chosen.ranged and bounded_count(session, *conditions) <= BOUND:
            # Few match: find them by their index and sort them, instead of walking all ids for them.
            by_id = unindexed(_A.id)
        if bounded:
            # No index serves this filter and this order together: sort the newest matches only.
            source = (
                select(_A.id, SORTS[sort].label("value")).where(*conditions).order_by(by_id.desc()).limit(BOUND)
            ).subquery()
            column, row_id, conditions = source.c.value, source.c.id, []
        else:
            column, row_id = SORTS[sort], _A.id
        beyond, order = (operator.lt, desc) if descending else (operator.gt, asc)
        if sort == "id":
            if after:
                conditions.append(beyond(row_id, after.id))
            ids = session.scalars(select(row_id).where(*conditions).order_by(order(by_id)).limit(limit))
            return [(each, each) for each in ids]
        found: list[tuple[int, Any]] = []
        if after is None or after.value is not None:
            statement = select(row_id, column).where(column.is_not(None), *conditions)
            if after:
                place = tuple_(literal(after.value, column.type), after.id)
                statement = statement.where(beyond(tuple_(column, row_id), place))
            statement = statement.order_by(order(column), order(row_id)).limit(limit)
            found = [(row[0], row[1]) for row in session.execute(statement)]
        if len(found) < limit:
            nulls = select(row_id).where(column.is_(None), *conditions)
            if after and after.value is None:
                nulls = nulls.where(beyond(row_id, after.id))
            nulls = nulls.order_by(order(row_id)).limit(limit - len(found))
            found += [(each, None) for each in session.scalars(nulls)]
        return found

    @staticmethod
    def _rows(session: Session, analysis_ids: Sequence[int]) -> list[AnalysisRow]:
        statement = _ROWS.select().join(t.expert_instance, _I.id == _A.expert_instance_id)
        by_id = {row.id: row for row in _ROWS.all(session, statement.where(_A.id.in_(analysis_ids)))}
        return [by_id[analysis_id] for analysis_id in analysis_ids if analysis_id in by_id]


def bounded_count(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Return how many analyses meet these conditions, 10,001 standing for more."""
    some = select(literal(1)).select_from(t.analysis).where(*conditions).limit(BOUND + 1).subquery()
    return int(session.scalar(select(func.count()).select_from(some)) or 0)


def bounded_words(count: int) -> str:
    """Return such a count as it is shown."""
    return f"{BOUND:,}+" if count > BOUND else f"{count:,}"


def _key(sort: str, value: Any, row_id: Any) -> _Key:
    return _Key(None if value is None else _bound(value, SORTS[sort].type), database_integer(row_id))


def _bound(value: Any, column: TypeEngine[Any]) -> Any:
    """Return a cursor's value as its column's type, or raise ValueError: a cursor comes from outside."""
    if isinstance(column, Enum):
        return column.enum_class(value)  # type: ignore[misc]  # every Enum column here has its class
    if isinstance(column, UtcDateTime):
        return datetime.fromisoformat(value).astimezone(UTC)
    if isinstance(column, Integer):
        return database_integer(value)
    return float(value) if isinstance(column, Float) else clean_text(value)
