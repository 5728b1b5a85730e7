"""Batch completion: settles items of ended analyses, and ends batches in which no item is left waiting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Boolean, bindparam, case, exists, func, literal, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.completion.runs import settle_runs
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events, subscribed_types
from ba2_trade_platform.core.observability.metrics import Metrics
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Outcome

ITEM_OUTCOMES = {
    Outcome.COMPLETED: ItemOutcome.SUCCEEDED,
    Outcome.FAILED: ItemOutcome.FAILED,
    Outcome.SKIPPED: ItemOutcome.SKIPPED,
    Outcome.CANCELLED: ItemOutcome.SKIPPED,
    Outcome.WITHDRAWN: ItemOutcome.SKIPPED,
}
_WAITING = (ItemOutcome.PLANNED, ItemOutcome.QUEUED)
# A person ended these, or their canary did: they stay what they are.
_BY_ITSELF = (BatchState.CANARY, BatchState.RUNNING, BatchState.PAUSED, BatchState.COMPLETED, BatchState.FAILED)


def _end_statements() -> tuple[Any, Any]:
    """Return how batches end that wait for nothing more, and how they say what came of them: failed, else completed.

    Built once, for all work ends so.
    """
    b, items = t.batch.c, t.batch_item.alias()
    of_batch = items.c.batch_id == b.id
    failed = exists().where(of_batch, items.c.outcome == ItemOutcome.FAILED)
    succeeded = exists().where(of_batch, items.c.outcome.in_([ItemOutcome.SUCCEEDED, ItemOutcome.DUPLICATE]))
    ended = update(t.batch).where(
        b.id.in_(bindparam("b_batches", expanding=True)), ~exists().where(of_batch, items.c.outcome.in_(_WAITING))
    )
    newly = ended.where(b.finished_at.is_(None)).values(finished_at=bindparam("b_at", type_=b.finished_at.type))
    state = case((failed & ~succeeded, literal(BatchState.FAILED, b.state.type)), else_=BatchState.COMPLETED)
    return newly.returning(b.id), ended.where(b.state.in_(_BY_ITSELF)).values(state=state)


_NEWLY_ENDED, _JUDGED = _end_statements()


class BatchCompletion:
    """Settles items and ends batches, in the transaction in which their analyses end."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def settle_ended(self, transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
        """Say in every batch that has one of these analyses what became of it; one that is retried goes on."""
        final = [one for one in ended if one.final]
        if not final:
            return
        session = transaction.session
        batches = set(session.scalars(_BATCHES_OF, {"w_ids": [one.analysis_id for one in final]}))
        if not batches:
            return
        session.connection().execute(
            _SETTLE,
            [
                {
                    "w_id": one.analysis_id,
                    "v_outcome": ITEM_OUTCOMES[one.outcome],
                    "v_reason": _words(one),
                    "v_withdrawn": one.outcome is Outcome.WITHDRAWN,
                }
                for one in final
            ],
        )
        transaction.touch(Topic.BATCHES)
        self.settle(transaction, batches, max(one.finished_at for one in final))
        session.execute(_JUDGED, {"b_batches": list(batches)})  # those too that had ended before a re-run

    def settle(self, transaction: Transaction, batch_ids: Iterable[int], at: datetime) -> None:
        """End the batches among these that wait for nothing more, and their schedules' runs with them.

        One is failed when nothing in it succeeded; one that a person or its canary ended stays what it is.
        """
        session = transaction.session
        ended = list(session.scalars(_NEWLY_ENDED, {"b_batches": list(batch_ids), "b_at": at}).all())
        if not ended:
            return
        transaction.touch(Topic.BATCHES, Topic.SCHEDULES)
        session.execute(_JUDGED, {"b_batches": ended})
        _record_events(session, ended, at)
        settle_runs(session, ended, at)
        for row in session.execute(_RERUN_ITEMS, {"b_batches": ended}).all():
            transaction.then(partial(self._metrics.bulk_item, row.outcome.value, int(row.items)))


_ITEM = t.batch_item.c
_WAITS = _ITEM.outcome == ItemOutcome.QUEUED
# What ended before and was re-run since says what became of it now; a re-run that was withdrawn changes nothing there.
# Two comparisons, for no list can be a parameter of a statement that is executed for many rows at once.
_HAD_ENDED = (_ITEM.outcome == ItemOutcome.FAILED) | (_ITEM.outcome == ItemOutcome.SUCCEEDED)
_ENDED = _HAD_ENDED & ~bindparam("v_withdrawn", type_=Boolean)
_RERUN_ITEMS = (
    select(_ITEM.outcome, func.count().label("items"))
    .join(t.batch, t.batch.c.id == _ITEM.batch_id)
    .where(_ITEM.batch_id.in_(bindparam("b_batches", expanding=True)), t.batch.c.kind == BatchKind.BULK_RERUN)
    .group_by(_ITEM.outcome)
)
_BATCHES_OF = select(_ITEM.batch_id).where(
    _ITEM.analysis_id.in_(bindparam("w_ids", expanding=True)),
    _ITEM.outcome.in_([ItemOutcome.QUEUED, ItemOutcome.FAILED, ItemOutcome.SUCCEEDED]),
)
_SETTLE = (
    update(t.batch_item)
    .where(_ITEM.analysis_id == bindparam("w_id"), _WAITS | _ENDED)
    .values(
        outcome=bindparam("v_outcome", type_=_ITEM.outcome.type),
        reason=bindparam("v_reason"),
        # One that was withdrawn never ran: a canary takes another in its place.
        attempt=case((bindparam("v_withdrawn", type_=Boolean), None), else_=_ITEM.attempt),
    )
)


def _words(ended: EndedAttempt) -> str | None:
    """Return why an item ended as it did: what a person said, else the failure, else how its analysis ended."""
    said = ended.message if ended.outcome is Outcome.FAILED else ended.reason or ended.message
    return said or (ended.outcome.value if ended.outcome in (Outcome.CANCELLED, Outcome.WITHDRAWN) else None)


def _record_events(session: Session, batch_ids: Sequence[int], at: datetime) -> None:
    """Say of these batches that they have just ended; to be called in the transaction that ends them."""
    if EventType.BATCH_FINISHED not in subscribed_types(session):
        return
    b, item = t.batch.c, t.batch_item.c
    found = session.execute(
        select(b.id, b.name, b.state, item.outcome, func.count(item.id).label("items"))
        .outerjoin(t.batch_item, item.batch_id == b.id)
        .where(b.id.in_(batch_ids))
        .group_by(b.id, item.outcome)
    )
    batches: dict[int, tuple[Any, dict[str, int]]] = {}
    for row in found:
        batches.setdefault(row.id, (row, {}))[1][row.outcome.value if row.outcome else "none"] = int(row.items)
    record_events(session, [_batch_event(batch, counts, at) for batch, counts in batches.values()])


def _batch_event(batch: Any, counts: dict[str, int], at: datetime) -> OutboxEvent:
    parts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()) if count)
    facts = {
        "sentence": f"Batch {batch.id} ({batch.name}) {batch.state.value}: {parts or 'nothing in it'}",
        "link": f"/batches/{batch.id}",
        "batch_id": batch.id,
        "state": batch.state.value,
        "counts": counts,
    }
    return OutboxEvent(EventType.BATCH_FINISHED, f"batch {batch.id}", at, facts)
