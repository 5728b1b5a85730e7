"""Bulk re-run read model: reads bulk re-runs and their items; every count comes from the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import BulkState, ItemOutcome, Mode

MAX_PAGE = 500
_B, _ITEM, _BATCH = t.bulk_rerun.c, t.batch_item.c, t.batch.c


@dataclass(frozen=True)
class BulkCounts:
    """What became of the items so far; `queued` has not ended yet. They always add up to `total`."""

    total: int = 0
    queued: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    blocked: int = 0

    @property
    def ended(self) -> int:
        """How many items have nothing more to wait for."""
        return self.total - self.queued


@dataclass(frozen=True)
class Bulk:
    """One bulk re-run as it stands; `will_run` is how many it was accepted to run."""

    id: int
    name: str
    actor: str
    reason: str
    mode: Mode
    state: BulkState
    rate_per_minute: int | None
    canary: int | None
    filter: dict[str, Any] | None
    plan_hash: str
    will_run: int
    created_at: datetime
    finished_at: datetime | None
    after_batch_id: int | None
    counts: BulkCounts

    @property
    def sentence(self) -> str:
        """Say where it stands."""
        counts = self.counts
        rest = [
            f"{number} {word}"
            for number, word in (
                (counts.succeeded, "succeeded"), (counts.failed, "failed again"), (counts.skipped, "skipped"),
                (counts.blocked, "blocked"),
            )
            if number
        ]  # fmt: skip
        waiting = f"{counts.queued} of {counts.total} to go" if counts.queued else f"{counts.total} analyses"
        return f"Bulk re-run {self.id} ({self.state.value.replace('_', ' ')}): " + ", ".join([waiting, *rest])


@dataclass(frozen=True)
class BulkPage:
    """One page of bulk re-runs, newest first; `next_cursor` None: no more."""

    items: tuple[Bulk, ...]
    next_cursor: int | None


@dataclass(frozen=True)
class BulkItem:
    """One analysis in a bulk re-run; `analysis_id` None: it was deleted. `attempt`: the one that this made."""

    position: int
    analysis_id: int | None
    symbol: str
    expert_instance_id: int
    expert: str
    attempt: int | None
    outcome: ItemOutcome
    reason: str | None


@dataclass(frozen=True)
class BulkItemPage:
    """One page of items in their order; `next_cursor` None: no more."""

    items: tuple[BulkItem, ...]
    next_cursor: int | None


_BULKS = (
    select(
        _BATCH.id, _BATCH.name, t.actor.c.name.label("actor"), _B.reason, _B.mode, _B.state, _B.rate_per_minute,
        _B.canary, _B.filter, _B.plan_hash, _BATCH.created_at, _B.finished_at, _B.after_batch_id,
    )
    .join(t.bulk_rerun, _B.batch_id == _BATCH.id)
    .join(t.actor, t.actor.c.id == _BATCH.actor_id)
)  # fmt: skip


def read_bulk(session: Session, bulk_id: int) -> Bulk:
    """Return one bulk re-run. Raises NotFound."""
    row = session.execute(_BULKS.where(_BATCH.id == bulk_id)).one_or_none()
    if row is None:
        raise NotFound(f"Bulk re-run {bulk_id} not found")
    return _bulk(row, _counts(session, [bulk_id]))


def _bulk(row: Any, counts: dict[int, BulkCounts]) -> Bulk:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return Bulk(**values, will_run=hash_counts(row.plan_hash)[0], counts=counts.get(row.id, BulkCounts()))


def _counts(session: Session, bulk_ids: Sequence[int]) -> dict[int, BulkCounts]:
    grouped = session.execute(
        select(_ITEM.batch_id, _ITEM.outcome, func.count().label("items"))
        .where(_ITEM.batch_id.in_(bulk_ids))
        .group_by(_ITEM.batch_id, _ITEM.outcome)
    )
    found: dict[int, dict[str, int]] = {}
    for row in grouped:
        of_bulk = found.setdefault(row.batch_id, {})
        word = "queued" if row.outcome in (ItemOutcome.PLANNED, ItemOutcome.QUEUED) else row.outcome.value
        of_bulk[word] = of_bulk.get(word, 0) + int(row.items)
    return {bulk_id: BulkCounts(total=sum(of_bulk.values()), **of_bulk) for bulk_id, of_bulk in found.items()}


def bulk_page(session: Session, cursor: int | None, limit: int) -> BulkPage:
    """Return a page of bulk re-runs, newest first."""
    _limit(limit)
    older = _BATCH.id < cursor if cursor is not None else _BATCH.id.is_not(None)
    found = list(session.execute(_BULKS.where(older).order_by(_BATCH.id.desc()).limit(limit + 1)))
    counts = _counts(session, [row.id for row in found[:limit]])
    bulks = tuple(_bulk(row, counts) for row in found[:limit])
    return BulkPage(bulks, bulks[-1].id if len(found) > limit else None)


def item_page(session: Session, bulk_id: int, outcome: Sequence[ItemOutcome], cursor: int, limit: int) -> BulkItemPage:
    """Return a page of one bulk re-run's items, in their order. Raises NotFound."""
    _limit(limit)
    read_bulk(session, bulk_id)
    statement = (
        select(
            _ITEM.position, _ITEM.analysis_id, _ITEM.symbol, _ITEM.expert_instance_id, t.expert_instance.c.alias,
            case((_ITEM.outcome != ItemOutcome.PLANNED, _ITEM.attempt)), _ITEM.outcome, _ITEM.reason,
        )
        .join(t.expert_instance, t.expert_instance.c.id == _ITEM.expert_instance_id)
        .where(_ITEM.batch_id == bulk_id, _ITEM.position > cursor)
        .order_by(_ITEM.position)
        .limit(limit + 1)
    )  # fmt: skip
    if outcome:
        statement = statement.where(_ITEM.outcome.in_(outcome))
    found = [BulkItem(*tuple(row)) for row in session.execute(statement)]
    return BulkItemPage(tuple(found[:limit]), found[limit - 1].position if len(found) > limit else None)


def hash_counts(plan_hash: str) -> tuple[int, int, int]:
    """Return how many run, are skipped and are blocked in the plan of this hash; zeros for a text that is none."""
    parts = plan_hash.split("-")
    counts = [int(part) if part.isascii() and part.isdigit() and len(part) < 9 else 0 for part in parts[:3]]
    run, skipped, blocked = counts if len(parts) == 4 else (0, 0, 0)
    return run, skipped, blocked


def _limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise Invalid(f"The limit must be between 1 and {MAX_PAGE}, not {limit}", code="INVALID_LIMIT")
