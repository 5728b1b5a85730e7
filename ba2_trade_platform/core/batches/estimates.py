"""Estimates: time and cost of a batch from recent attempts of its experts; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import func, literal, literal_column, select, tuple_
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import ItemOutcome, Status

LAST = 50
_A, _I, _ITEM = t.analysis.c, t.expert_instance.c, t.batch_item.c
_COMPLETED = is_status(_A.status, Status.COMPLETED)
_CLAIMABLE = is_status(_A.status, Status.PENDING) & literal_column("NOT market_analysis.held")


def expected_seconds(session: Session, per_expert: Mapping[int, int], batch_id: int | None = None) -> int | None:
    """Return how long these analyses take behind what waits before them; None when an expert has not worked yet.

    `batch_id`: they are what is left of this batch; of what waits, only that before its first one counts.

    The slowest expert by its own limit, or all of them by the slots that bulk work may use, whichever is longer.
    """
    slots = max(1, int(session.scalar(select(t.queue_state.c.slots)) or 1) - 1)
    waiting = _waiting(session, batch_id)
    alone, together = [0.0], 0.0
    for expert, wanted in per_expert.items():
        typical = _typical_seconds(session, expert)
        if typical is None:
            return None
        at_once = int(session.scalar(select(_I.max_concurrent).where(_I.id == expert)) or 1)
        alone.append((wanted + waiting.get(expert, 0)) * typical / at_once)
        together += wanted * typical / slots
    for expert, count in waiting.items():
        together += count * (_typical_seconds(session, expert) or 0.0) / slots
    return round(max([together, *alone])) if per_expert else None


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
