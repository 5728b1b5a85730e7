"""Batch completion: settles items of ended analyses, and ends batches in which no item is left waiting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, bindparam, case, exists, func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.completion.runs import settle_runs
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events, subscribed_types
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


def _end_statements() -> tuple[Any, Any]:
    """Return how batches end that wait for nothing more: failed, else completed. Built once, for all work ends so."""
    b, items = t.batch.c, t.batch_item.alias()
    of_batch = items.c.batch_id == b.id
    failed = exists().where(of_batch, items.c.outcome == ItemOutcome.FAILED)
    succeeded = exists().where(of_batch, items.c.outcome.in_([ItemOutcome.SUCCEEDED, ItemOutcome.DUPLICATE]))
    ended = (
        update(t.batch)
        .where(
            b.id.in_(bindparam("b_batches", expanding=True)),
            b.state.in_([BatchState.RUNNING, BatchState.PAUSED]),
            ~exists().where(of_batch, items.c.outcome.in_(_WAITING)),
        )
        .values(finished_at=bindparam("b_at", type_=b.finished_at.type))
        .returning(b.id)
    )
    return ended.where(failed & ~succeeded).values(state=BatchState.FAILED), ended.values(state=BatchState.COMPLETED)


_LOST, _ENDED = _end_statements()


def settle_ended(transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
    """Say in every batch that waits for one of these analyses what became of it; one that is retried goes on."""
    final = [one for one in ended if one.final]
    if not final:
        return
    session = transaction.session
    batches = set(session.scalars(_WAITING_BATCHES, {"w_ids": [one.analysis_id for one in final]}))
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
    settle_batches(session, batches, max(one.finished_at for one in final))


_WAITS = t.batch_item.c.outcome == ItemOutcome.QUEUED
_WAITING_BATCHES = select(t.batch_item.c.batch_id).where(
    t.batch_item.c.analysis_id.in_(bindparam("w_ids", expanding=True)), _WAITS
)
_SETTLE = (
    update(t.batch_item)
    .where(t.batch_item.c.analysis_id == bindparam("w_id"), _WAITS)
    .values(
        outcome=bindparam("v_outcome", type_=t.batch_item.c.outcome.type),
        reason=bindparam("v_reason"),
        # One that was withdrawn never ran: a canary takes another in its place.
        attempt=case((bindparam("v_withdrawn", type_=Boolean), None), else_=t.batch_item.c.attempt),
    )
)


def _words(ended: EndedAttempt) -> str | None:
    """Return why an item ended as it did: what a person said, else the failure, else how its analysis ended."""
    said = ended.message if ended.outcome is Outcome.FAILED else ended.reason or ended.message
    return said or (ended.outcome.value if ended.outcome in (Outcome.CANCELLED, Outcome.WITHDRAWN) else None)


def settle_batches(session: Session, batch_ids: Iterable[int], at: datetime) -> None:
    """End the batches among these that wait for nothing more: failed when nothing in them succeeded.

    One that a person cancelled stays cancelled. A schedule's run ends with its batch.
    """
    ids = list(batch_ids)
    asked = {"b_batches": ids, "b_at": at}
    lost = session.scalars(_LOST, asked).all()
    rest = session.scalars(_ENDED, asked).all()
    record_batch_events(session, [*lost, *rest], at)
    settle_runs(session, ids, at)


def record_batch_events(session: Session, batch_ids: Sequence[int], at: datetime) -> None:
    """Say of these batches that they have just ended; to be called in the transaction that ends them."""
    if not batch_ids or EventType.BATCH_FINISHED not in subscribed_types(session):
        return
    b, item = t.batch.c, t.batch_item.c
    found = session.execute(
        select(b.id, b.name, b.kind, b.state, item.outcome, func.count(item.id).label("items"))
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
    place = "bulk-reruns" if batch.kind is BatchKind.BULK_RERUN else "batches"
    return OutboxEvent(
        EventType.BATCH_FINISHED,
        f"batch {batch.id}",
        at,
        {
            "sentence": f"Batch {batch.id} ({batch.name}) {batch.state.value}: {parts or 'nothing in it'}",
            "link": f"/{place}/{batch.id}",
            "batch_id": batch.id,
            "state": batch.state.value,
            "counts": counts,
        },
    )
