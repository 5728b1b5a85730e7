"""Opens and closes attempts, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.failures import Failure
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import BatchState, ItemOutcome, Mode, Outcome, StepStatus, Trigger

ITEM_OUTCOMES = {
    Outcome.COMPLETED: ItemOutcome.SUCCEEDED,
    Outcome.FAILED: ItemOutcome.FAILED,
    Outcome.SKIPPED: ItemOutcome.SKIPPED,
    Outcome.CANCELLED: ItemOutcome.SKIPPED,
}


@dataclass(frozen=True)
class Opening:
    """The attempt that is to begin: why, how, on whose wish and with which settings."""

    trigger: Trigger
    mode: Mode
    actor_id: int
    config_id: int | None
    reason: str | None = None


def open_attempt(session: Session, analysis_id: int, number: int, opening: Opening, at: datetime) -> None:
    """Insert attempt `number`; unless it begins fresh it goes on from its predecessor's base and as_of."""
    base, as_of = number, None
    if opening.mode is not Mode.FRESH or opening.trigger in (Trigger.RESCUE, Trigger.RELEASE, Trigger.RETRY):
        previous = session.execute(
            select(t.attempt.c.base_attempt, t.attempt.c.effective_as_of).where(
                t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number - 1
            )
        ).one()
        as_of = previous.effective_as_of
        base = number if opening.mode is Mode.FRESH else previous.base_attempt
    session.execute(
        insert(t.attempt).values(
            analysis_id=analysis_id,
            number=number,
            trigger=opening.trigger,
            mode=opening.mode,
            base_attempt=base,
            actor_id=opening.actor_id,
            reason=opening.reason,
            queued_at=at,
            effective_as_of=as_of,
            config_id=opening.config_id,
        )
    )


def close_attempt(
    session: Session, analysis_id: int, number: int, outcome: Outcome, at: datetime, failed: Failure | None = None
) -> None:
    """End an attempt that is still open, and what of its steps is still running."""
    session.execute(
        update(t.attempt)
        .where(t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number, t.attempt.c.outcome.is_(None))
        .values(
            outcome=outcome,
            finished_at=at,
            error_code=failed.code if failed else None,
            error_message=failed.message if failed else None,
            failure_kind=failed.kind if failed else None,
            fingerprint=failed.fingerprint if failed else None,
        )
    )
    s = t.step.c
    session.execute(
        update(t.step)
        .where(s.analysis_id == analysis_id, s.attempt == number, s.status == StepStatus.RUNNING)
        .values(status=StepStatus.FAILED, finished_at=at, error_message=failed.message if failed else outcome.value)
    )


def settle_items(session: Session, analysis_id: int, outcome: Outcome, reason: str | None) -> None:
    """Say in every batch that waits for this analysis what became of it."""
    waiting = (t.batch_item.c.analysis_id == analysis_id) & (t.batch_item.c.outcome == ItemOutcome.QUEUED)
    batches = set(session.scalars(select(t.batch_item.c.batch_id).where(waiting)))
    if batches:
        session.execute(update(t.batch_item).where(waiting).values(outcome=ITEM_OUTCOMES[outcome], reason=reason))
        settle_batches(session, batches)


def settle_batches(session: Session, batch_ids: Iterable[int]) -> None:
    """End the batches among these that wait for nothing more: failed when nothing in them succeeded."""
    items = t.batch_item.alias()
    of_batch = items.c.batch_id == t.batch.c.id
    done = t.batch.c.id.in_(list(batch_ids)) & ~exists().where(of_batch, items.c.outcome == ItemOutcome.QUEUED)
    failed = exists().where(of_batch, items.c.outcome == ItemOutcome.FAILED)
    succeeded = exists().where(of_batch, items.c.outcome.in_([ItemOutcome.SUCCEEDED, ItemOutcome.DUPLICATE]))
    session.execute(update(t.batch).where(done, ~(failed & ~succeeded)).values(state=BatchState.COMPLETED))
    session.execute(update(t.batch).where(done, failed & ~succeeded).values(state=BatchState.FAILED))
