"""Bulk re-run preview: counts, reasons, time and cost, shown before a person accepts the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.batches.bulk_plans import BulkPlan
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ItemOutcome, Mode

LAST = 50
TOP_ERRORS = 5
_A, _I = t.analysis.c, t.expert_instance.c


@dataclass(frozen=True)
class ReasonCount:
    """How many analyses are not re-run for one reason."""

    reason: str
    count: int


@dataclass(frozen=True)
class ErrorCount:
    """How often an error stands among what is to be re-run; `message` is one of its texts."""

    code: str
    message: str
    count: int


@dataclass(frozen=True)
class BulkPreview:
    """What `create` will do when it is given this `plan_hash`.

    `gone`: chosen ids that no longer exist. `estimated_seconds` and `estimated_cost_usd` come from the newest
    analyses of each expert; None where none of them says. `suggested_canary` None: too few to need one.
    """

    plan_hash: str
    mode: Mode
    total: int
    will_run: int
    skip: tuple[ReasonCount, ...]
    blocked: tuple[ReasonCount, ...]
    gone: int
    top_errors: tuple[ErrorCount, ...]
    estimated_seconds: int | None
    estimated_cost_usd: Decimal | None
    suggested_canary: int | None
    override: bool = False


def preview_of(session: Session, plan: BulkPlan) -> BulkPreview:
    """Return a plan as a person reads it."""
    per_expert = Counter(row.expert_instance_id for row in plan.runs)
    return BulkPreview(
        plan_hash=plan.hash,
        mode=plan.mode,
        total=plan.total,
        will_run=len(plan.runs),
        skip=_reasons(plan, ItemOutcome.SKIPPED),
        blocked=_reasons(plan, ItemOutcome.BLOCKED),
        gone=plan.gone,
        top_errors=_errors(plan),
        estimated_seconds=_seconds(session, per_expert),
        estimated_cost_usd=_cost(session, per_expert),
        suggested_canary=max(2, min(10, len(plan.runs) // 20)) if len(plan.runs) > 20 else None,
        override=plan.override,
    )


def _reasons(plan: BulkPlan, outcome: ItemOutcome) -> tuple[ReasonCount, ...]:
    kinds = Counter(refusal.kind for _, refusal in plan.refused if refusal.outcome is outcome)
    return tuple(ReasonCount(kind, count) for kind, count in kinds.most_common())


def _errors(plan: BulkPlan) -> tuple[ErrorCount, ...]:
    counts = Counter((row.error_code, row.fingerprint) for row in plan.runs)
    texts = {(row.error_code, row.fingerprint): row.error_message for row in plan.runs}
    return tuple(
        ErrorCount(code or "", texts[code, fingerprint] or "", count)
        for (code, fingerprint), count in counts.most_common(TOP_ERRORS)
    )


def _seconds(session: Session, per_expert: Mapping[int, int]) -> int | None:
    """How long it may take: the slowest expert by its own limit, or all of them by the slots that bulk work may use."""
    slots = max(1, int(session.scalar(select(t.queue_state.c.slots)) or 1) - 1)
    alone, together = [], 0.0
    for expert, count in per_expert.items():
        newest = select(_A.duration_ms).where(_A.expert_instance_id == expert).order_by(_A.id.desc()).limit(LAST)
        typical = session.scalar(select(func.avg(newest.subquery().c.duration_ms)))
        if typical is None:
            continue
        at_once = int(session.scalar(select(_I.max_concurrent).where(_I.id == expert)) or 1)
        alone.append(count * float(typical) / 1000 / at_once)
        together += count * float(typical) / 1000 / slots
    return round(max([together, *alone])) if alone else None


def _cost(session: Session, per_expert: Mapping[int, int]) -> Decimal | None:
    known: list[Decimal] = []
    for expert, count in per_expert.items():
        newest = select(_A.id).where(_A.expert_instance_id == expert).order_by(_A.id.desc()).limit(LAST)
        costs: list[Any] = list(
            session.scalars(
                select(t.attempt.c.cost).where(t.attempt.c.analysis_id.in_(newest), t.attempt.c.cost.is_not(None))
            )
        )
        if costs:
            known.append(count * sum(costs, Decimal(0)) / len(costs))
    return sum(known, Decimal(0)).quantize(Decimal("0.01")) if known else None
