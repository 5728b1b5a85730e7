"""Batch counts and estimates: items by their present state, time and cost of the rest; unknown stays unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import in_words, is_status
from ba2_trade_platform.vocabulary import ItemOutcome, Status

LAST = 50
_ITEM, _A, _I = t.batch_item.c, t.analysis.c, t.expert_instance.c
WAITING = (ItemOutcome.PLANNED, ItemOutcome.QUEUED)
_ACTIVE: tuple[ColumnElement[Any], ...] = (in_words(Status.PENDING), in_words(Status.RUNNING))
_COMPLETED = is_status(_A.status, Status.COMPLETED)
_CLAIMABLE = is_status(_A.status, Status.PENDING) & literal_column("NOT market_analysis.held")


@dataclass(frozen=True)
class BatchCounts:
    """What stands of the items now; `queued` waits and `running` runs. They always add up to `total`.

    One that failed and is re-run since, by whomever, counts as its analysis stands: it waits, runs, or has succeeded.
    """

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


def read_counts(session: Session, batch_ids: Sequence[int]) -> dict[int, BatchCounts]:
    """Return the counts of each of these batches."""
    grouped = session.execute(
        select(_ITEM.batch_id, _ITEM.outcome, func.count().label("items"))
        .where(_ITEM.batch_id.in_(batch_ids))
        .group_by(_ITEM.batch_id, _ITEM.outcome)
    )
    tallies: dict[int, Counter[str]] = {batch_id: Counter() for batch_id in batch_ids}
    for row in grouped:
        tallies[row.batch_id]["queued" if row.outcome in WAITING else row.outcome.value] += row.items
    # An item says how its analysis ended last: what is under way since is told by the analysis alone.
    under_way = session.execute(
        select(_ITEM.batch_id, _ITEM.outcome, _A.status, func.count().label("items"))
        .join(t.analysis, _A.id == _ITEM.analysis_id)
        .where(_ITEM.batch_id.in_(batch_ids), _A.status.in_(_ACTIVE))
        .where(_ITEM.outcome.in_([ItemOutcome.QUEUED, ItemOutcome.FAILED]))
        .group_by(_ITEM.batch_id, _ITEM.outcome, _A.status)
    )
    for row in under_way:
        tallies[row.batch_id][row.outcome.value] -= row.items
        tallies[row.batch_id]["running" if row.status is Status.RUNNING else "queued"] += row.items
    return {batch_id: BatchCounts(tally.total(), **tally) for batch_id, tally in tallies.items()}


def remaining_per_expert(session: Session, batch_id: int) -> dict[int, int]:
    """Return how many items of a batch have not ended, by their experts."""
    waiting = (_ITEM.batch_id == batch_id) & _ITEM.outcome.in_(WAITING)
    counted = select(_ITEM.expert_instance_id, func.count()).where(waiting).group_by(_ITEM.expert_instance_id)
    return dict(tuple(row) for row in session.execute(counted))


def expected_seconds(session: Session, per_expert: Mapping[int, int], batch_id: int | None = None) -> int | None:
    """Return how long these analyses take behind what waits before them; None when an expert has not worked yet.

    `batch_id`: they are what is left of this batch; of what waits, only that before its first one counts.

    The slowest expert by its own limit, or all of them by the slots that bulk work may use, whichever is longer.
    """
    slots = max(1, int(session.scalar(select(t.queue_state.c.slots)) or 1) - 1)
    waiting = _waiting(session, batch_id)
    typical = {expert: _typical_seconds(session, expert) for expert in {*per_expert, *waiting}}
    if not per_expert or any(typical[expert] is None for expert in per_expert):
        return None
    limits = session.execute(select(_I.id, _I.max_concurrent).where(_I.id.in_(per_expert)))
    work = {
        expert: (per_expert.get(expert, 0) + waiting.get(expert, 0)) * (seconds or 0.0)
        for expert, seconds in typical.items()
    }
    return round(max(sum(work.values()) / slots, *(work[expert] / (at_once or 1) for expert, at_once in limits)))


def expected_cost(session: Session, per_expert: Mapping[int, int]) -> Decimal | None:
    """Return what these analyses may cost in USD, as far as their experts' newest attempts say; None: nothing said."""
    known: list[Decimal] = []
    for expert, count in per_expert.items():
        newest = select(_A.id).where(_A.expert_instance_id == expert, _COMPLETED).order_by(_A.id.desc()).limit(LAST)
        asked = select(t.attempt.c.cost).where(t.attempt.c.analysis_id.in_(newest), t.attempt.c.cost.is_not(None))
        costs: list[Any] = list(session.scalars(asked))
        if costs:
            known.append(count * sum(costs, Decimal(0)) / len(costs))
    return sum(known, Decimal(0)).quantize(Decimal("0.01")) if known else None


def _typical_seconds(session: Session, expert: int) -> float | None:
    newest = (
        select(_A.duration_ms)
        .where(_A.expert_instance_id == expert, _COMPLETED, _A.duration_ms.is_not(None))
        .order_by(_A.id.desc())
        .limit(LAST)
    )
    durations = list(session.scalars(newest))
    return median(durations) / 1000 if durations else None


def _waiting(session: Session, batch_id: int | None) -> dict[int, int]:
    """Return how many of each expert wait to be claimed, before the first of a batch where one is given."""
    counted = select(_A.expert_instance_id, func.count()).where(_CLAIMABLE).group_by(_A.expert_instance_id)
    if batch_id is not None:
        own = select(_ITEM.analysis_id).where(_ITEM.batch_id == batch_id, _ITEM.outcome == ItemOutcome.QUEUED)
        order = (_A.priority, _A.available_at, _A.id)
        own_first = select(*order).where(_CLAIMABLE, _A.id.in_(own)).order_by(*order).limit(1)
        first = session.execute(own_first).one_or_none()
        counted = counted.where(_A.id.not_in(own))
        if first is not None:
            bounds = (literal(value, column.type) for value, column in zip(first, order, strict=True))
            counted = counted.where(tuple_(*order) < tuple_(*bounds))
    return dict(tuple(row) for row in session.execute(counted))
