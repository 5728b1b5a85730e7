"""Bulk re-runs: previewed with reasons, time and cost, and accepted as exactly that plan (docs/decisions/0009)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, func, insert, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.batch_submissions import ITEM_COLUMNS
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, Refused, SwitchedOff
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.sanitizing import clean_name, whole_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.batches.bulk_plans import MAX_ITEMS, BulkPlan, Planner, Selection
from ba2_trade_platform.core.batches.counts import expected_cost, expected_seconds
from ba2_trade_platform.core.batches.queries import Batch, hash_counts, read_batch
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import each, insert_rows
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode, Status

log = get_logger(__name__)

MAX_RATE = 6_000
TEXT_LENGTH = 500
NAME_LENGTH = 200
TOP_ERRORS = 5
_A, _B = t.analysis.c, t.batch.c


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


class BulkReruns:
    """Previews and accepts bulk re-runs, which are batches then; the worker's tick carries them on."""

    def __init__(self, store: Store, planner: Planner, *, rerun_enabled: bool = True) -> None:
        self._store = store
        self._planner = planner
        self._enabled = rerun_enabled

    def preview(self, selection: Selection, mode: Mode = Mode.FRESH, *, override: bool = False) -> BulkPreview:
        """Return what re-running this selection would do. Raises Invalid."""
        with self._store.read() as session:
            return _preview_of(session, self._planner.plan(session, selection, mode, override=override))

    def create(
        self,
        selection: Selection,
        mode: Mode = Mode.FRESH,
        *,
        reason: str,
        plan_hash: str,
        by: Actor,
        name: str | None = None,
        rate_per_minute: int | None = None,
        canary: int | None = None,
        override: bool = False,
    ) -> Batch:
        """Accept exactly what was previewed; the analyses are queued from then on, slice by slice.

        `canary`: this many run first, the rest only if all of them complete. `override`: also what has reached its
        re-run limit. Raises Refused (PLAN_CHANGED with the new plan, NOTHING_TO_RERUN), Invalid, SwitchedOff,
        Unavailable; then nothing was changed.
        """
        if not self._enabled:
            raise SwitchedOff("Re-runs are switched off (BA2_RERUN_ENABLED=0)", code="RERUN_DISABLED")
        columns = _columns(selection.filter, reason, name, rate_per_minute, canary)
        # Everything that takes long is done before the write lock is taken, so that nobody waits for it.
        with self._store.read() as session:
            plan = self._planner.plan(session, selection, mode, override=override)
            preview = _preview_of(session, plan)
        rows = _item_rows(plan)
        with self._store.command(by, Action.RERUN, Subject.BATCH) as command:
            session = command.session
            if preview.plan_hash != plan_hash:
                raise _changed(plan_hash, preview)
            if not plan.runs:
                raise Refused("Nothing would run: no analysis of these can be re-run now", code="NOTHING_TO_RERUN")
            if not _still(session, plan):
                raise _changed(plan_hash, preview, "the analyses changed at this very moment; look again")
            bulk_id = _insert(session, plan, columns, command.actor_id, command.now)
            insert_rows(session.connection(), t.batch_item, ITEM_COLUMNS, [(bulk_id, *row) for row in rows])
            command.record(bulk_id, after=f"{len(plan.runs)} of {plan.total} analyses", reason=reason)
            command.wake()
            batch = read_batch(session, bulk_id)
        log.info("%s accepted by %s: %s will run", batch.sentence, by, len(plan.runs), bulk=batch.id)
        return batch


def _preview_of(session: Session, plan: BulkPlan) -> BulkPreview:
    """Return a plan as a person reads it."""
    per_expert = Counter(row.expert_instance_id for row in plan.runs)
    errors = Counter((row.error_code, row.fingerprint) for row in plan.runs)
    texts = {(row.error_code, row.fingerprint): row.error_message for row in plan.runs}
    return BulkPreview(
        plan_hash=plan.hash,
        mode=plan.mode,
        total=plan.total,
        will_run=len(plan.runs),
        skip=_reasons(plan, ItemOutcome.SKIPPED),
        blocked=_reasons(plan, ItemOutcome.BLOCKED),
        gone=plan.gone,
        top_errors=tuple(
            ErrorCount(code or "", texts[code, fingerprint] or "", count)
            for (code, fingerprint), count in errors.most_common(TOP_ERRORS)
        ),
        estimated_seconds=expected_seconds(session, per_expert),
        estimated_cost_usd=expected_cost(session, per_expert),
        suggested_canary=max(2, min(10, len(plan.runs) // 20)) if len(plan.runs) > 20 else None,
        override=plan.override,
    )


def _reasons(plan: BulkPlan, outcome: ItemOutcome) -> tuple[ReasonCount, ...]:
    kinds = Counter(refusal.kind for _, refusal in plan.refused if refusal.outcome is outcome)
    return tuple(ReasonCount(kind, count) for kind, count in kinds.most_common())


def _columns(
    chosen: Filter | None, reason: str, name: str | None, rate: int | None, canary: int | None
) -> dict[str, Any]:
    """Return what was asked for as its row keeps it, checked; of a filter the parts that are set."""
    why, title = whole_reason(reason), clean_name(name or "")
    if not why:
        raise Invalid("Say why these are re-run: the reason is kept with every attempt", code="REASON_REQUIRED")
    if len(why) > TEXT_LENGTH or len(title) > NAME_LENGTH:
        raise Invalid(f"The name may have {NAME_LENGTH} characters, the reason {TEXT_LENGTH}")
    if rate is not None and not 1 <= rate <= MAX_RATE:
        raise Invalid(f"The rate must be between 1 and {MAX_RATE:,} a minute, not {rate}", code="INVALID_RATE")
    if canary is not None and not 1 <= canary <= MAX_ITEMS:
        raise Invalid(f"A canary has 1 to {MAX_ITEMS:,} analyses, not {canary}", code="INVALID_CANARY")
    columns = {"name": title, "reason": why, "rate_per_minute": rate, "canary": canary, "filter": None}
    if chosen is None:
        return columns | {"after_batch_id": None}
    parts = json.loads(json.dumps(asdict(chosen), default=str))
    frozen = {part: value for part, value in parts.items() if value not in (None, [], False)}
    return columns | {"filter": frozen, "after_batch_id": chosen.bulk}


def _item_rows(plan: BulkPlan) -> list[tuple[Any, ...]]:
    """Return all items in their order, without the batch's id: what runs comes first."""
    runs = [(row, ItemOutcome.PLANNED.value, row.attempt, None) for row in plan.runs]
    rest = [(row, refusal.outcome.value, None, refusal.reason) for row, refusal in plan.refused]
    return [
        (position, row.symbol, row.expert_instance_id, row.id, attempt, outcome, reason)
        for position, (row, outcome, attempt, reason) in enumerate([*runs, *rest], start=1)
    ]


def _still(session: Session, plan: BulkPlan) -> bool:
    """Tell whether everything that is to run still stands as it was read a moment ago: no attempt comes twice."""
    now = session.execute(
        select(func.count().label("rows"), func.sum(_A.attempt).label("attempts"))
        .select_from(t.analysis)
        .where(_A.id.in_(each([row.id for row in plan.runs], Integer())), _A.status == Status.FAILED)
    ).one()
    return bool(now.rows == len(plan.runs) and now.attempts == sum(row.attempt for row in plan.runs))


def _insert(session: Session, plan: BulkPlan, columns: dict[str, Any], who: int, now: datetime) -> int:
    count, after = len(plan.runs), columns["after_batch_id"]
    known = after is not None and session.scalar(select(_B.id).where(_B.id == after)) is not None
    values = columns | {
        "kind": BatchKind.BULK_RERUN,
        "name": columns["name"] or f"Re-run of {count} {'analysis' if count == 1 else 'analyses'}",
        "actor_id": who,
        "state": BatchState.CANARY if columns["canary"] else BatchState.RUNNING,
        "mode": plan.mode,
        "plan_hash": plan.hash,
        "after_batch_id": after if known else None,
        "created_at": now,
        "next_at": now,
    }
    return int(session.scalars(insert(t.batch).values(**values).returning(_B.id)).one())


def _changed(plan_hash: str, preview: BulkPreview, why: str | None = None) -> Refused:
    then, now = hash_counts(plan_hash), hash_counts(preview.plan_hash)
    words = ("would run", "would be skipped", "are blocked")
    changes = [f"{new} {word} now, {old} before" for word, old, new in zip(words, then, now, strict=True) if old != new]
    what = why or "; ".join(changes) or "the numbers are the same, but not the analyses"
    plan = json.loads(json.dumps(asdict(preview), default=str))
    return Refused(f"The plan changed since the preview: {what}", code="PLAN_CHANGED", plan=plan)
