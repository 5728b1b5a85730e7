"""Batch read model: reads batches and their items; every count comes from the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.pages import Page, checked_limit, page_of
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.batches.counts import BatchCounts, expected_seconds, read_counts, remaining_per_expert
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow, Reader
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode, Source, Status

MAX_PAGE = 500
REASONS = 10
_B, _ITEM = t.batch.c, t.batch_item.c
UNDER_WAY = (BatchState.CANARY, BatchState.RUNNING)


@dataclass(frozen=True)
class RerunPlan:
    """What a bulk re-run was accepted to do: its mode, why, of what, how fast, and how many run before the rest."""

    mode: Mode
    reason: str
    filter: dict[str, Any] | None
    rate_per_minute: int | None
    canary: int | None
    plan_hash: str
    after_batch_id: int | None

    @property
    def will_run(self) -> int:
        """How many it was accepted to run."""
        return hash_counts(self.plan_hash)[0]


@dataclass(frozen=True)
class Batch:
    """One batch as it stands.

    `stopped_at`, `stopped_by` and `stop_reason` say of one that is paused, cancelled or aborted who stopped it.
    `rerun` is the plan of a bulk re-run, None for other kinds. `seconds_left` None: not known.
    """

    id: int
    kind: BatchKind
    name: str
    source: Source | None
    actor: str
    state: BatchState
    created_at: datetime
    finished_at: datetime | None
    stopped_at: datetime | None
    stopped_by: str | None
    stop_reason: str | None
    rerun: RerunPlan | None
    counts: BatchCounts
    seconds_left: int | None = None

    @property
    def can_be_paused(self) -> bool:
        """Whether Pause is to be offered."""
        return self.finished_at is None and self.state in UNDER_WAY

    @property
    def can_be_cancelled(self) -> bool:
        """Whether Cancel is to be offered."""
        return self.finished_at is None and self.state is not BatchState.CANCELLED

    @property
    def can_be_aborted(self) -> bool:
        """Whether Abort is to be offered: it skips what a bulk re-run has not queued yet."""
        under_way = self.state in UNDER_WAY or self.state is BatchState.PAUSED
        return self.rerun is not None and self.finished_at is None and under_way

    @property
    def sentence(self) -> str:
        """Say where it stands."""
        counts = self.counts
        words = ("running", "succeeded", "failed", "skipped", "blocked")
        parts = [f"{getattr(counts, word):,} {word}" for word in words if getattr(counts, word)]
        parts += [f"{counts.duplicate:,} already under way"] * bool(counts.duplicate)
        first = f"{counts.remaining:,} of {counts.total:,} to go" if counts.remaining else f"{counts.total:,} analyses"
        title = "Batch" if self.rerun is None else "Bulk re-run"
        return f"{title} {self.id} ({self.state.value.replace('_', ' ')}): " + ", ".join([first, *parts])


@dataclass(frozen=True)
class BatchItem:
    """One member of a batch; `analysis_id` None: none was made, or it was deleted; `status`: of its analysis now."""

    position: int
    analysis_id: int | None
    symbol: str
    expert_instance_id: int
    expert: str
    attempt: int | None
    outcome: ItemOutcome
    reason: str | None
    status: Status | None


@dataclass(frozen=True)
class Reason:
    """How many items of a batch have one outcome for one reason."""

    outcome: ItemOutcome
    reason: str
    count: int


_PLAN = Reader(RerunPlan, t.batch)
_MADE = case((_ITEM.outcome != ItemOutcome.PLANNED, _ITEM.attempt))  # until then it is the one that is re-run
_ITEMS = Reader(BatchItem, t.batch_item, expert=t.expert_instance.c.alias, attempt=_MADE, status=t.analysis.c.status)
_stopper = t.actor.alias()
_BATCHES = (
    select(
        _B.id, _B.kind, _B.name, _B.source, t.actor.c.name.label("actor"), _B.state, _B.created_at, _B.finished_at,
        _B.stopped_at, _stopper.c.name.label("stopped_by"), _B.stop_reason, *_PLAN.columns,
    )
    .join(t.actor, t.actor.c.id == _B.actor_id)
    .outerjoin(_stopper, _stopper.c.id == _B.stopped_by)
)  # fmt: skip


class BatchQueries:
    """Reads batches. Blocking; thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, batch_id: int) -> Batch:
        """Return one batch as it stands. Raises NotFound."""
        with self._store.read() as session:
            return read_batch(session, batch_id)

    def list(
        self,
        *,
        state: BatchState | None = None,
        kind: BatchKind | None = None,
        source: Source | None = None,
        cursor: int | None = None,
        limit: int = 50,
    ) -> Page[Batch]:
        """Return up to `limit` (1-500) batches, newest first, after `cursor`. Raises Invalid."""
        checked_limit(limit, MAX_PAGE)
        statement = _BATCHES.order_by(_B.id.desc()).limit(limit + 1)
        for column, value in ((_B.state, state), (_B.kind, kind), (_B.source, source)):
            if value is not None:
                statement = statement.where(column == value)
        if cursor is not None:
            statement = statement.where(_B.id < cursor)
        with self._store.read() as session:
            rows = session.execute(statement).all()
            counts = read_counts(session, [row.id for row in rows])
        return page_of([_batch(row, counts[row.id]) for row in rows], limit, lambda batch: batch.id)

    def items(
        self, batch_id: int, outcome: Sequence[ItemOutcome] = (), *, cursor: int = 0, limit: int = 100
    ) -> Page[BatchItem]:
        """Return up to `limit` (1-500) items after position `cursor`, of these outcomes only. Raises NotFound."""
        checked_limit(limit, MAX_PAGE)
        statement = (
            _ITEMS.select()
            .join(t.expert_instance, t.expert_instance.c.id == _ITEM.expert_instance_id)
            .outerjoin(t.analysis, t.analysis.c.id == _ITEM.analysis_id)
            .where(_ITEM.batch_id == batch_id, _ITEM.position > cursor)
            .order_by(_ITEM.position)
            .limit(limit + 1)
        )
        if outcome:
            statement = statement.where(_ITEM.outcome.in_(outcome))
        with self._store.read() as session:
            if session.scalar(select(_B.id).where(_B.id == batch_id)) is None:
                raise NotFound(f"Batch {batch_id} not found")
            return page_of(_ITEMS.all(session, statement), limit, lambda item: item.position)

    def reasons(self, batch_id: int) -> tuple[Reason, ...]:
        """Return why items failed, were skipped or blocked, most frequent first; equal but for the symbol is one."""
        alike = func.replace(_ITEM.reason, _ITEM.symbol, "\N{HORIZONTAL ELLIPSIS}")
        grouped = (
            select(
                _ITEM.outcome,
                alike.label("alike"),
                func.min(_ITEM.reason).label("first"),
                func.max(_ITEM.reason).label("last"),
                func.count().label("items"),
            )
            .where(
                _ITEM.batch_id == batch_id,
                _ITEM.outcome.in_([ItemOutcome.SKIPPED, ItemOutcome.BLOCKED, ItemOutcome.FAILED]),
            )
            .group_by(_ITEM.outcome, alike)
            .order_by(func.count().desc(), _ITEM.outcome, alike)
            .limit(REASONS)
        )
        with self._store.read() as session:
            return tuple(
                Reason(row.outcome, (row.first if row.first == row.last else row.alike) or "", int(row.items))
                for row in session.execute(grouped)
            )

    def reruns(self, batch_id: int) -> tuple[Batch, ...]:
        """Return the bulk re-runs of what failed in this batch, newest first."""
        newest = select(_B.id).where(_B.after_batch_id == batch_id).order_by(_B.id.desc()).limit(20)
        with self._store.read() as session:
            return tuple(read_batch(session, bulk_id) for bulk_id in session.scalars(newest).all())


def read_batch(session: Session, batch_id: int, *, estimate: bool = True) -> Batch:
    """Return one batch, with the time that its rest takes unless it is paused or not asked. Raises NotFound."""
    row = session.execute(_BATCHES.where(_B.id == batch_id)).one_or_none()
    if row is None:
        raise NotFound(f"Batch {batch_id} not found")
    seconds_left = None
    if estimate and row.finished_at is None and row.state is not BatchState.PAUSED:
        seconds_left = expected_seconds(session, remaining_per_expert(session, batch_id), batch_id)
    return _batch(row, read_counts(session, [batch_id])[batch_id], seconds_left)


def _batch(row: AnyRow, counts: BatchCounts, seconds_left: int | None = None) -> Batch:
    own = row._asdict()
    plan = RerunPlan(**{field.name: own.pop(field.name) for field in fields(RerunPlan)})
    rerun = plan if row.kind is BatchKind.BULK_RERUN else None
    return Batch(**own, rerun=rerun, counts=counts, seconds_left=seconds_left)


def hash_counts(plan_hash: str) -> tuple[int, int, int]:
    """Return how many run, are skipped and are blocked in the plan of this hash; zeros for a text that is none."""
    parts = plan_hash.split("-")
    counts = [int(part) if part.isascii() and part.isdigit() and len(part) < 9 else 0 for part in parts[:3]]
    run, skipped, blocked = counts if len(parts) == 4 else (0, 0, 0)
    return run, skipped, blocked
