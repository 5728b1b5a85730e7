"""Closes attempts whose end has come: for good, or with the next attempt queued as an automatic retry."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.recommendations import Subject, refresh_current
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.completion.batches import ITEM_OUTCOMES, settle_batches
from ba2_trade_platform.core.failures.groups import note_failures
from ba2_trade_platform.core.models.attempt_costs import add_up
from ba2_trade_platform.core.worker.breaker_ticks import TickBreakers
from ba2_trade_platform.core.worker.buffers import End, Sheet
from ba2_trade_platform.core.worker.fencing import ATTEMPT, FENCE, HELD, fence, fenced, many, replacing
from ba2_trade_platform.core.worker.retries import Retries, held
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ItemOutcome, Outcome, Status, StepStatus

log = get_logger(__name__)
Ended = Sequence[tuple[Sheet, End]]

STATUS_AFTER = {
    Outcome.COMPLETED: Status.COMPLETED,
    Outcome.FAILED: Status.FAILED,
    Outcome.SKIPPED: Status.SKIPPED,
}
_CLOSE_ATTEMPT = (
    update(t.attempt)
    .where(ATTEMPT, FENCE)
    .values({
        name: bindparam(f"v_{name}")
        for name in ("outcome", "finished_at", "error_code", "error_message", "failure_kind", "fingerprint")
    } | {"provider": func.coalesce(bindparam("v_provider", type_=t.attempt.c.provider.type), t.attempt.c.provider)})
)  # fmt: skip
# No step goes on without its attempt; in one that completed there is none.
_CLOSE_STEPS = (
    update(t.step)
    .where(
        t.step.c.analysis_id == bindparam("f_id"),
        t.step.c.attempt == bindparam("f_attempt"),
        t.step.c.status == StepStatus.RUNNING,
        FENCE,
    )
    .values(
        status=StepStatus.FAILED,
        finished_at=bindparam("v_finished_at"),
        error_message=bindparam("v_error_message"),
    )
)
_TRACEBACK = replacing(
    fenced(t.archive, "traceback", attempt_id=select(t.attempt.c.id).where(ATTEMPT).scalar_subquery()),
    ["attempt_id"],
    "traceback",
)
_SETTLE_ITEMS = (
    update(t.batch_item)
    .where(t.batch_item.c.analysis_id == bindparam("f_id"), t.batch_item.c.outcome == ItemOutcome.QUEUED, FENCE)
    .values(outcome=bindparam("v_outcome"), reason=bindparam("v_reason"))
)
_WAITING_BATCHES = select(t.batch_item.c.batch_id).where(
    t.batch_item.c.analysis_id.in_(bindparam("w_ids", expanding=True)), t.batch_item.c.outcome == ItemOutcome.QUEUED
)
_CLOSE = (
    update(t.analysis)
    .where(HELD)
    .values({
        "current_step": None,
        "lease_token": None,
        "lease_until": None,
        "version": t.analysis.c.version + 1,
        "updated_at": bindparam("v_finished_at"),
        "progress": func.coalesce(bindparam("v_progress"), t.analysis.c.progress),
        **{
            name: bindparam(f"v_{name}")
            for name in (
                "status", "finished_at", "duration_ms", "error_code", "error_message", "failure_kind",
                "fingerprint", "result_action", "result_confidence", "result_expected_profit",
            )
        },
    })
)  # fmt: skip


@dataclass(frozen=True)
class Closer:
    """What closing an attempt takes besides the database: who decides on retries, and who watches providers."""

    retries: Retries
    breakers: TickBreakers


def close(session: Session, ended: Ended, closer: Closer, now: datetime) -> int:
    """Close these attempts; return how many came too late and changed nothing.

    What failed and may be retried goes back into the queue with its next attempt instead of ending failed.
    """
    if not ended:
        return 0
    failed = held(session, ended)
    note_failures(session, [each.seen for each in failed], now)
    _close_attempts(session, ended)
    closer.breakers.note(session, failed, now)
    scheduled = closer.retries.schedule(session, failed, now)
    final = [(sheet, end) for sheet, end in ended if sheet.claim.token not in scheduled]
    _settle_items(session, final, now)
    rows = [{**fence(sheet), **_ending(sheet, end)} for sheet, end in final]
    of_attempts = ("v_outcome", "v_provider")
    closed = many(session, _CLOSE, [{key: row[key] for key in row if key not in of_attempts} for row in rows])
    for failure in failed:
        if failure.token in scheduled:
            closer.retries.queue(session, failure, scheduled[failure.token], now)
        else:
            log.warning(
                "Analysis %s: running -> failed (%s: %s)",
                failure.row.id,
                failure.why.code,
                failure.why.message,
                analysis=failure.row.id,
                code=failure.why.code.value,
                kind=failure.why.kind.value,
            )
    refresh_current(
        session,
        (
            Subject(sheet.claim.expert_instance_id, sheet.claim.symbol, sheet.claim.subtype)
            for sheet, end in final
            if end.outcome is Outcome.COMPLETED
        ),
    )
    return len(final) - closed


def _close_attempts(session: Session, ended: Ended) -> None:
    rows = [{**fence(sheet), **_ending(sheet, end)} for sheet, end in ended]
    attempt = ("outcome", "finished_at", "error_code", "error_message", "failure_kind", "fingerprint", "provider")
    names = ("f_id", "f_attempt", "f_token")
    many(session, _CLOSE_ATTEMPT, [_pick(row, *names, *(f"v_{name}" for name in attempt)) for row in rows])
    add_up(session, *((sheet.claim.analysis_id, sheet.claim.attempt) for sheet, _ in ended))
    # By itself, so nobody takes its work up again: the answers are in its steps, or were of no use.
    ids = [sheet.claim.analysis_id for sheet, _ in ended]
    session.execute(delete(t.model_answer).where(t.model_answer.c.analysis_id.in_(ids)))
    unfinished = [row for row, (_, end) in zip(rows, ended, strict=True) if end.failure]
    many(session, _CLOSE_STEPS, [_pick(row, *names, "v_finished_at", "v_error_message") for row in unfinished])
    tracebacks = [
        {**fence(sheet), "v_traceback": zlib.compress(end.failure.traceback.encode())}
        for sheet, end in ended
        if end.failure and end.failure.traceback
    ]
    many(session, _TRACEBACK, tracebacks)


def _settle_items(session: Session, ended: Ended, now: datetime) -> None:
    waiting = {"w_ids": [sheet.claim.analysis_id for sheet, _ in ended]}
    batches = set(session.scalars(_WAITING_BATCHES, waiting)) if ended else set()
    if batches:
        items = [
            {**fence(sheet), "v_outcome": ITEM_OUTCOMES[end.outcome], "v_reason": end.failure and end.failure.message}
            for sheet, end in ended
        ]
        many(session, _SETTLE_ITEMS, items)
        settle_batches(session, batches, now)


def _pick(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _ending(sheet: Sheet, end: End) -> dict[str, Any]:
    failed, verdict = end.failure, end.verdict
    return {
        "v_outcome": end.outcome,
        "v_status": STATUS_AFTER[end.outcome],
        "v_finished_at": end.at,
        "v_duration_ms": max(0, round((end.at - sheet.claim.started_at).total_seconds() * 1000)),
        "v_progress": 100 if end.outcome is Outcome.COMPLETED else sheet.progress,
        "v_error_code": failed.code.value if failed else None,
        "v_error_message": failed.message if failed else None,
        "v_failure_kind": failed.kind if failed else None,
        "v_fingerprint": failed.fingerprint if failed else None,
        "v_provider": failed.provider if failed else None,
        "v_result_action": verdict.action if verdict else None,
        "v_result_confidence": verdict.confidence if verdict else None,
        "v_result_expected_profit": verdict.expected_profit_percent if verdict else None,
    }
