"""Batch counts: one way to say how many items of a batch wait, run, succeeded or did not, by present state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import in_words
from ba2_trade_platform.vocabulary import ItemOutcome, Status

_ITEM, _A = t.batch_item.c, t.analysis.c
WAITING = (ItemOutcome.PLANNED, ItemOutcome.QUEUED)
_ACTIVE: tuple[ColumnElement[Any], ...] = (in_words(Status.PENDING), in_words(Status.RUNNING))


@dataclass(frozen=True)
class BatchCounts:
    """What stands of the items now; `queued` waits and `running` runs. They always add up to `total`.

    One that failed and is re-run since, by whomever, counts as its analysis stands: it waits, runs, or has succeeded.
    """

    total: int = 0
    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    blocked: int = 0
    duplicate: int = 0

    @property
    def remaining(self) -> int:
        """How many have not ended."""
        return self.queued + self.running

    @property
    def ended(self) -> int:
        """How many have nothing more to wait for."""
        return self.total - self.remaining


def read_counts(session: Session, batch_ids: Sequence[int]) -> dict[int, BatchCounts]:
    """Return the counts of each of these batches."""
    grouped = session.execute(
        select(_ITEM.batch_id, _ITEM.outcome, func.count().label("items"))
        .where(_ITEM.batch_id.in_(batch_ids))
        .group_by(_ITEM.batch_id, _ITEM.outcome)
    )
    tallies: dict[int, Counter[str]] = {batch_id: Counter() for batch_id in batch_ids}
    for row in grouped:
        tallies[row.batch_id]["queued" if row.outcome in WAITING else row.outcome.value] += row.items
    # An item says how its analysis ended last: what is under way since is told by the analysis alone.
    under_way = session.execute(
        select(_ITEM.batch_id, _ITEM.outcome, _A.status, func.count().label("items"))
        .join(t.analysis, _A.id == _ITEM.analysis_id)
        .where(_ITEM.batch_id.in_(batch_ids), _A.status.in_(_ACTIVE))
        .where(_ITEM.outcome.in_([ItemOutcome.QUEUED, ItemOutcome.FAILED]))
        .group_by(_ITEM.batch_id, _ITEM.outcome, _A.status)
    )
    for row in under_way:
        tallies[row.batch_id][row.outcome.value] -= row.items
        tallies[row.batch_id]["running" if row.status is Status.RUNNING else "queued"] += row.items
    return {batch_id: BatchCounts(tally.total(), **tally) for batch_id, tally in tallies.items()}


def remaining_per_expert(session: Session, batch_id: int) -> dict[int, int]:
    """Return how many items of a batch have not ended, by their experts."""
    waiting = (_ITEM.batch_id == batch_id) & _ITEM.outcome.in_(WAITING)
    counted = select(_ITEM.expert_instance_id, func.count()).where(waiting).group_by(_ITEM.expert_instance_id)
    return dict(tuple(row) for row in session.execute(counted))
