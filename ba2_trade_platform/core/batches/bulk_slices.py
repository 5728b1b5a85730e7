"""Bulk re-run slices: queue a few items a tick from rows alone, so that a killed console goes on.

Decision record: docs/decisions/0009.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.rerun import Rerun, TwinUnderWayError
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import PlatformError, Unavailable
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.batches.bulk_plans import PlannedRow, Planner
from ba2_trade_platform.core.batches.queries import UNDER_WAY
from ba2_trade_platform.core.completion.batches import BatchCompletion
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Status, Subtype, Trigger

log = get_logger(__name__)

SLICE = 12
# So many of one expert wait in the queue at once: enough to keep it busy, few enough that an abort stops nearly all.
WAITING = 50
CATCH_UP = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=SLICE)  # at the lowest rate, one a minute
LANES = {Subtype.OPEN_POSITIONS: 50, Subtype.ENTER_MARKET: 60}  # behind what a person asks for one by one

_B, _ITEM = t.batch.c, t.batch_item.c
_OPEN = (
    select(_B.id, _B.state, _B.mode, _B.reason, _B.rate_per_minute, _B.canary, _B.next_at, _B.actor_id)
    .where(_B.finished_at.is_(None), _B.kind == BatchKind.BULK_RERUN, _B.state.in_(UNDER_WAY))
    .order_by(_B.id)
)
DUE = _OPEN.with_only_columns(_B.id).order_by(None).exists()


class BulkSlices:
    """Takes the next items of every bulk re-run that is under way, in the tick's transaction."""

    def __init__(self, planner: Planner, reruns: Rerun, completion: BatchCompletion) -> None:
        self._planner = planner
        self._completion = completion
        self._reruns = reruns

    def advance(self, transaction: Transaction, now: datetime) -> bool:
        """Queue what may be queued now, judge canaries, and end what waits for nothing more.

        Return whether more can be done at once, for what was refused left its place to others.
        """
        session, left, refused = transaction.session, SLICE, 0
        for bulk in session.execute(_OPEN).all():
            room, state = left, bulk.state
            if state is BatchState.CANARY:
                state, room = _judge(session, bulk)
                if state is not bulk.state:
                    transaction.touch(Topic.BATCHES)
            if state in UNDER_WAY and _next_at(bulk, now) <= now:
                items, queued = self._slice(transaction, bulk, min(room, left, _allowed(bulk, now)), now)
                left -= items
                refused += items - queued
            self._completion.settle(transaction, [bulk.id], now)
        return refused > 0

    def _slice(self, transaction: Transaction, bulk: Any, room: int, now: datetime) -> tuple[int, int]:
        """Queue the next items or refuse them; return how many those were, and how many were queued."""
        session = transaction.session
        items = _next_items(session, bulk.id, room)
        if not items:
            return 0, 0
        rows = {row.id: row for row in self._planner.rows(session, {i.analysis_id for i in items if i.analysis_id})}
        as_planned = [
            rows[i.analysis_id] for i in items if i.analysis_id in rows and _unchanged(i, rows[i.analysis_id])
        ]
        # The plan has looked at the limit.
        refusals = self._planner.refusals(session, as_planned, bulk.mode, override=True)
        queued = 0
        for item in items:
            row, refusal = rows.get(item.analysis_id), refusals.get(item.analysis_id)
            if row is None:
                values = _refused(ItemOutcome.SKIPPED, "deleted meanwhile")
            elif not _unchanged(item, row):
                values = _refused(ItemOutcome.SKIPPED, _what_happened(session, row))
            elif refusal is not None:
                values = _refused(refusal.outcome, refusal.reason)
            else:
                values = self._queue(transaction, bulk, row)
            session.execute(update(t.batch_item).where(_ITEM.id == item.id).values(**values))
            queued += values["outcome"] is ItemOutcome.QUEUED
        if bulk.rate_per_minute and queued:
            later = _counted_from(bulk, now) + queued * timedelta(minutes=1) / bulk.rate_per_minute
            session.execute(update(t.batch).where(_B.id == bulk.id).values(next_at=later))
        transaction.touch_analyses(*rows)
        refused = len(items) - queued
        said = {"bulk": bulk.id, "queued": queued, "refused": refused}
        log.info("Bulk re-run %s: %s queued, %s skipped or blocked", bulk.id, queued, refused, **said)
        return len(items), queued

    def _queue(self, transaction: Transaction, bulk: Any, row: PlannedRow) -> dict[str, Any]:
        """Queue one analysis; return what becomes of its item."""
        try:
            with transaction.savepoint():
                accepted, _, _ = self._reruns.rerun_in(
                    transaction,
                    row.id,
                    RerunOptions(bulk.mode, reason=bulk.reason, override=True),  # the plan has looked at the limit
                    bulk.actor_id,
                    trigger=Trigger.BULK,
                    batch_id=bulk.id,
                    priority=max(row.priority, LANES[row.subtype]),
                )
        except Unavailable:
            raise
        except PlatformError as refusal:
            return _refused(ItemOutcome.BLOCKED, str(refusal))
        except TwinUnderWayError:
            return _refused(ItemOutcome.SKIPPED, "already under way as another analysis")
        except OperationalError:
            raise  # locked or full: nobody's data is to blame
        except Exception as error:  # what one analysis has kept is broken: the tick is everybody's
            log.exception("Bulk re-run %s: analysis %s cannot be queued", bulk.id, row.id)
            return _refused(ItemOutcome.BLOCKED, f"it cannot be read ({type(error).__name__}); re-run it fresh")
        return {"outcome": ItemOutcome.QUEUED, "attempt": accepted.attempt, "reason": None}


def _refused(outcome: ItemOutcome, reason: str) -> dict[str, Any]:
    return {"outcome": outcome, "attempt": None, "reason": reason}


def skip_planned(session: Session, bulk_id: int, reason: str) -> None:
    """Skip what is not queued yet."""
    planned = update(t.batch_item).where(_ITEM.batch_id == bulk_id, _ITEM.outcome == ItemOutcome.PLANNED)
    session.execute(planned.values(**_refused(ItemOutcome.SKIPPED, reason)))


def _judge(session: Session, bulk: Any) -> tuple[BatchState, int]:
    """Return the state that the canary's items so far make, and how many more of them are to be queued.

    An item that was queued has its attempt; one that was skipped before that has none, and another takes its place.
    """
    of_batch = _ITEM.batch_id == bulk.id
    ran = session.execute(
        select(_ITEM.outcome, func.count().label("items"))
        .where(of_batch, _ITEM.attempt.is_not(None), _ITEM.outcome != ItemOutcome.PLANNED)
        .group_by(_ITEM.outcome)
    )
    counts = {row.outcome: int(row.items) for row in ran}
    well, under_way = counts.pop(ItemOutcome.SUCCEEDED, 0), counts.pop(ItemOutcome.QUEUED, 0)
    if counts:
        bad = session.execute(
            select(_ITEM.analysis_id, _ITEM.symbol, _ITEM.reason)
            .where(of_batch, _ITEM.attempt.is_not(None), _ITEM.outcome.in_(list(counts)))
            .order_by(_ITEM.position)
            .limit(1)
        ).one()
        about = f"#{bad.analysis_id} ({bad.symbol})" if bad.analysis_id else bad.symbol
        skip_planned(session, bulk.id, f"the canary failed: {about} did not complete")
        log.warning("Bulk re-run %s stops: its canary %s did not complete: %s", bulk.id, about, bad.reason)
        return _enter(session, bulk.id, BatchState.CANARY_FAILED), 0
    if well >= bulk.canary:
        return _enter(session, bulk.id, BatchState.RUNNING), SLICE
    return BatchState.CANARY, min(SLICE, bulk.canary - well - under_way)


def _enter(session: Session, bulk_id: int, state: BatchState) -> BatchState:
    session.execute(update(t.batch).where(_B.id == bulk_id).values(state=state))
    return state


def _allowed(bulk: Any, now: datetime) -> int:
    """Return how many the rate allows now; what was missed while nobody worked is caught up for two seconds only."""
    if not bulk.rate_per_minute:
        return SLICE
    return 1 + int((now - _counted_from(bulk, now)) / timedelta(minutes=1) * bulk.rate_per_minute)


def _counted_from(bulk: Any, now: datetime) -> datetime:
    return max(_next_at(bulk, now), now - CATCH_UP)


def _next_at(bulk: Any, now: datetime) -> datetime:
    """Return when the next may go: now, where a slice that went while the clock ran ahead left a later time."""
    next_at: datetime = bulk.next_at
    return next_at if next_at <= now + LONGEST_PAUSE else now


def _next_items(session: Session, bulk_id: int, room: int) -> list[Any]:
    """Return the next planned items, leaving out experts of which enough wait in the queue."""
    if room <= 0:
        return []
    of_batch = _ITEM.batch_id == bulk_id
    waiting = session.execute(
        select(_ITEM.expert_instance_id, func.count().label("items"))
        .where(of_batch, _ITEM.outcome == ItemOutcome.QUEUED)
        .group_by(_ITEM.expert_instance_id)
    ).all()
    full = [row.expert_instance_id for row in waiting if row.items >= WAITING]
    planned = (
        select(_ITEM.id, _ITEM.analysis_id, _ITEM.attempt)
        .where(of_batch, _ITEM.outcome == ItemOutcome.PLANNED, _ITEM.expert_instance_id.not_in(full))
        .order_by(_ITEM.position)
        .limit(room)
    )
    return list(session.execute(planned))


def _unchanged(item: Any, row: PlannedRow) -> bool:
    return bool(row.status is Status.FAILED and row.attempt == item.attempt)


def _what_happened(session: Session, row: PlannedRow) -> str:
    by = session.scalar(
        select(t.actor.c.name)
        .join(t.attempt, t.attempt.c.actor_id == t.actor.c.id)
        .where(t.attempt.c.analysis_id == row.id, t.attempt.c.number == row.attempt)
    )
    return f"re-run meanwhile by {by} (attempt {row.attempt}, {row.status.value})"
