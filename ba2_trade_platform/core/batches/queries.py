"""Batch read model: reads batches and their items; every count comes from the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Source, Status

MAX_PAGE = 500
REASONS = 10
_B, _ITEM, _A = t.batch.c, t.batch_item.c, t.analysis.c
_RAN = (ItemOutcome.SUCCEEDED, ItemOutcome.FAILED)


@dataclass(frozen=True)
class BatchCounts:
    """What became of the items so far; `queued` waits and `running` runs. They always add up to `total`."""

    total: int = 0
    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    blocked: int = 0
    duplicate: int = 0

    @property
    def remaining(self) -> int:
        """How many have not ended."""
        return self.queued + self.running

    @property
    def ended(self) -> int:
        """How many have nothing more to wait for."""
        return self.total - self.remaining


@dataclass(frozen=True)
class Batch:
    """One batch as it stands.

    `stopped_at`, `stopped_by` and `reason` say of a paused or cancelled one who stopped it. `seconds_left` comes from
    the pace so far, None while there is none.
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
    reason: str | None
    counts: BatchCounts
    seconds_left: int | None = None

    @property
    def can_be_paused(self) -> bool:
        """Whether Pause is to be offered."""
        return self.kind is not BatchKind.BULK_RERUN and self.state is BatchState.RUNNING

    @property
    def can_be_cancelled(self) -> bool:
        """Whether Cancel is to be offered."""
        return self.kind is not BatchKind.BULK_RERUN and self.state in (BatchState.RUNNING, BatchState.PAUSED)

    @property
    def sentence(self) -> str:
        """Say where it stands."""
        counts = self.counts
        words = ("running", "succeeded", "failed", "skipped", "blocked")
        parts = [f"{getattr(counts, word):,} {word}" for word in words if getattr(counts, word)]
        parts += [f"{counts.duplicate:,} already under way"] * bool(counts.duplicate)
        first = f"{counts.remaining:,} of {counts.total:,} to go" if counts.remaining else f"{counts.total:,} analyses"
        return f"Batch {self.id} ({self.state.value}): " + ", ".join([first, *parts])


@dataclass(frozen=True)
class BatchPage:
    """One page of batches, newest first; `next_cursor` None: no more."""

    items: tuple[Batch, ...]
    next_cursor: int | None


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
class BatchItemPage:
    """One page of items in their order; `next_cursor` None: no more."""

    items: tuple[BatchItem, ...]
    next_cursor: int | None


@dataclass(frozen=True)
class Reason:
    """How many items of a batch have one outcome for one reason."""

    outcome: ItemOutcome
    reason: str
    count: int


_stopper = t.actor.alias()
_BATCHES = (
    select(
        _B.id, _B.kind, _B.name, _B.source, t.actor.c.name.label("actor"), _B.state, _B.created_at, _B.finished_at,
        _B.paused_at.label("stopped_at"), _stopper.c.name.label("stopped_by"), _B.pause_reason.label("reason"),
    )
    .join(t.actor, t.actor.c.id == _B.actor_id)
    .outerjoin(_stopper, _stopper.c.id == _B.paused_by)
)  # fmt: skip


def read_batch(session: Session, batch_id: int, now: datetime) -> Batch:
    """Return one batch. Raises NotFound."""
    row = session.execute(_BATCHES.where(_B.id == batch_id)).one_or_none()
    if row is None:
        raise NotFound(f"Batch {batch_id} not found")
    counts = _counts(session, [batch_id])[batch_id]
    return _batch(row, counts, _seconds_left(session, row, counts, now))


def batch_page(
    session: Session,
    state: BatchState | None,
    kind: BatchKind | None,
    source: Source | None,
    cursor: int | None,
    limit: int,
) -> BatchPage:
    """Return a page of batches, newest first."""
    _limit(limit)
    statement = _BATCHES.order_by(_B.id.desc()).limit(limit + 1)
    for column, value in ((_B.state, state), (_B.kind, kind), (_B.source, source)):
        if value is not None:
            statement = statement.where(column == value)
    if cursor is not None:
        statement = statement.where(_B.id < cursor)
    found = list(session.execute(statement))
    counts = _counts(session, [row.id for row in found[:limit]])
    batches = tuple(_batch(row, counts[row.id]) for row in found[:limit])
    return BatchPage(batches, batches[-1].id if len(found) > limit else None)


def item_page(
    session: Session, batch_id: int, outcomes: Sequence[ItemOutcome], cursor: int, limit: int
) -> BatchItemPage:
    """Return a page of one batch's items, in their order. Raises NotFound."""
    _limit(limit)
    if session.scalar(select(_B.id).where(_B.id == batch_id)) is None:
        raise NotFound(f"Batch {batch_id} not found")
    statement = (
        select(
            _ITEM.position, _ITEM.analysis_id, _ITEM.symbol, _ITEM.expert_instance_id, t.expert_instance.c.alias,
            _ITEM.attempt, _ITEM.outcome, _ITEM.reason, t.analysis.c.status,
        )
        .join(t.expert_instance, t.expert_instance.c.id == _ITEM.expert_instance_id)
        .outerjoin(t.analysis, t.analysis.c.id == _ITEM.analysis_id)
        .where(_ITEM.batch_id == batch_id, _ITEM.position > cursor)
        .order_by(_ITEM.position)
        .limit(limit + 1)
    )  # fmt: skip
    if outcomes:
        statement = statement.where(_ITEM.outcome.in_(outcomes))
    found = [BatchItem(*tuple(row)) for row in session.execute(statement)]
    return BatchItemPage(tuple(found[:limit]), found[limit - 1].position if len(found) > limit else None)


def reasons_of(session: Session, batch_id: int) -> tuple[Reason, ...]:
    """Return why items were not queued, skipped or failed, the most frequent first; equal but for the symbol is one."""
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
    return tuple(
        Reason(row.outcome, (row.first if row.first == row.last else row.alike) or "", int(row.items))
        for row in session.execute(grouped)
    )


def _batch(row: Any, counts: BatchCounts, seconds_left: int | None = None) -> Batch:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return Batch(**values, counts=counts, seconds_left=seconds_left)


def _counts(session: Session, batch_ids: Sequence[int]) -> dict[int, BatchCounts]:
    grouped = session.execute(
        select(_ITEM.batch_id, _ITEM.outcome, func.count().label("items"))
        .where(_ITEM.batch_id.in_(batch_ids))
        .group_by(_ITEM.batch_id, _ITEM.outcome)
    )
    found: dict[int, dict[str, int]] = {batch_id: {} for batch_id in batch_ids}
    for row in grouped:
        of_batch = found[row.batch_id]
        word = "queued" if row.outcome in (ItemOutcome.PLANNED, ItemOutcome.QUEUED) else row.outcome.value
        of_batch[word] = of_batch.get(word, 0) + int(row.items)
    # From what runs, which is never more than there are slots.
    running = session.execute(
        select(_ITEM.batch_id, func.count().label("items"))
        .join(t.analysis, _A.id == _ITEM.analysis_id)
        .where(_A.status == literal_column("'running'"), _ITEM.batch_id.in_(batch_ids))
        .where(_ITEM.outcome == ItemOutcome.QUEUED)
        .group_by(_ITEM.batch_id)
    )
    for row in running:
        found[row.batch_id] |= {"running": int(row.items), "queued": found[row.batch_id]["queued"] - int(row.items)}
    totals = {batch_id: sum(of_batch.values()) for batch_id, of_batch in found.items()}
    return {batch_id: BatchCounts(total=totals[batch_id], **of_batch) for batch_id, of_batch in found.items()}


def _seconds_left(session: Session, batch: Any, counts: BatchCounts, now: datetime) -> int | None:
    """Return how long the rest takes if it goes on as so far; time in which the batch was paused does not count."""
    ran = counts.succeeded + counts.failed
    if batch.state is not BatchState.RUNNING or not ran or not counts.remaining:
        return None
    of_batch = (_ITEM.batch_id == batch.id) & (t.attempt.c.number == _ITEM.attempt)
    firsts = [
        session.scalar(
            select(t.attempt.c.started_at)
            .join(t.batch_item, _ITEM.analysis_id == t.attempt.c.analysis_id)
            .where(of_batch, _ITEM.outcome == outcome)
            .order_by(_ITEM.position)
            .limit(1)
        )
        for outcome in _RAN
    ]
    began = min((first for first in firsts if first is not None), default=batch.created_at)
    worked: float = (now - began - _paused(session, batch.id, began)).total_seconds()
    return round(counts.remaining * worked / ran) if worked > 0 else None


def _paused(session: Session, batch_id: int, since: datetime) -> timedelta:
    log = t.activity_log.c
    said = session.execute(
        select(log.what, log.at)
        .where(log.subject_type == Subject.BATCH, log.subject_id == batch_id)
        .where(log.what.in_([Action.PAUSE, Action.RESUME]))
        .where(log.at >= since)
        .order_by(log.id)
    )
    total, stopped = timedelta(0), None
    for row in said:
        if row.what == Action.PAUSE:
            stopped = row.at
        elif stopped is not None:
            total, stopped = total + (row.at - stopped), None
    return total


def _limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise Invalid(f"The limit must be between 1 and {MAX_PAGE}, not {limit}", code="INVALID_LIMIT")
