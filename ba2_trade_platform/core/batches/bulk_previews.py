"""Bulk re-run preview: counts, reasons, time and cost, shown before a person accepts the plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from ba2_trade_platform.core.batches.bulk_plans import BulkPlan
from ba2_trade_platform.core.batches.estimates import expected_cost, expected_seconds
from ba2_trade_platform.vocabulary import ItemOutcome, Mode

TOP_ERRORS = 5


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
    analyses of each expert; None where one of them says nothing. `suggested_canary` None: too few to need one.
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
        estimated_seconds=expected_seconds(session, per_expert),
        estimated_cost_usd=expected_cost(session, per_expert),
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
