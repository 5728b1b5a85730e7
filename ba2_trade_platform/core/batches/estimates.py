"""Estimates: time and cost of a batch from recent attempts of its experts; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t

LAST = 50
_A, _I = t.analysis.c, t.expert_instance.c
_COMPLETED = _A.status == literal_column("'completed'")
_CLAIMABLE = (_A.status == literal_column("'pending'")) & literal_column("NOT market_analysis.held")


def expected_seconds(session: Session, per_expert: Mapping[int, int]) -> int | None:
    """Return how long these analyses take behind what waits already; None when an expert has not worked yet.

    The slowest expert by its own limit, or all of them by the slots that bulk work may use, whichever is longer.
    """
    slots = max(1, int(session.scalar(select(t.queue_state.c.slots)) or 1) - 1)
    waiting = _waiting(session)
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


def _waiting(session: Session) -> dict[int, int]:
    """Return how many of each expert wait to be claimed."""
    counted = select(_A.expert_instance_id, func.count()).where(_CLAIMABLE).group_by(_A.expert_instance_id)
    return {row[0]: int(row[1]) for row in session.execute(counted)}
