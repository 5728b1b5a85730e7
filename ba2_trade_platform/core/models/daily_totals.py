"""Daily totals: spending of a UTC day, kept added up because every budget check asks for it (docs/decisions/0014)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import unindexed
from ba2_trade_platform.db.types import Money

_C = t.model_call.c
# What nobody knows yet, or never will, counts as the most that it may have been.
COUNTED = func.sum(func.coalesce(_C.cost, _C.reserved), type_=Money)
KNOWN = func.sum(_C.cost, type_=Money)
_FIRST_UNDER_WAY = select(func.min(_C.id)).where(_C.outcome.is_(None))
_NEWEST = select(func.max(_C.id))
# Grouped by an expression, or SQLite would walk the whole index that is in the order of experts.
_EXPERT = unindexed(_C.expert_instance_id)
_SETTLED = (
    select(_EXPERT, COUNTED, KNOWN)
    .where(_C.started_at >= bindparam("d_day"), _C.id <= bindparam("d_upto"))
    .group_by(_EXPERT)
)
_LATER = (
    select(_C.id, _C.expert_instance_id, _C.started_at, _C.outcome, _C.cost, _C.reserved)
    .where(_C.id > bindparam("d_upto"))
    .order_by(_C.id)
)


def utc_day(now: datetime) -> datetime:
    """Return when the UTC day of `now` began; budgets of a day are of this day."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Spent:
    """What counts against a budget in USD, and how much of it is known for certain."""

    counted: Decimal = Decimal(0)
    known: Decimal = Decimal(0)

    @classmethod
    def of(cls, counted: Decimal | None, known: Decimal | None) -> Spent:
        """Return two sums as the database gives them."""
        return cls(counted or Decimal(0), known or Decimal(0))

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.counted + other.counted, self.known + other.known)


class DailyTotals:
    """Adds each call up once: a call that has ended never changes, so only those since the first under way are read.

    Ids are given in the order of commits, because writers of SQLite take turns.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day: datetime | None = None
        self._upto = 0
        self._settled: dict[int, Spent] = {}

    def read(self, session: Session, day: datetime) -> Mapping[int, Spent]:
        """Return what each expert instance has spent since `day` began, in the caller's transaction."""
        with self._lock:
            if day != self._day:
                first = session.scalar(_FIRST_UNDER_WAY)
                self._upto = first - 1 if first is not None else session.scalar(_NEWEST) or 0
                rows = session.execute(_SETTLED, {"d_day": day, "d_upto": self._upto})
                self._settled = {row[0]: Spent.of(row[1], row[2]) for row in rows}
                self._day = day
            later = session.execute(_LATER, {"d_upto": self._upto}).all()
            ended = next((place for place, row in enumerate(later) if row.outcome is None), len(later))
            _add(self._settled, later[:ended], day)
            self._upto = later[ended - 1].id if ended else self._upto
            sums = dict(self._settled)
        _add(sums, later[ended:], day)
        return sums


def _add(sums: dict[int, Spent], rows: Any, day: datetime) -> None:
    for row in rows:
        if row.started_at >= day:
            one = Spent.of(row.reserved if row.cost is None else row.cost, row.cost)
            sums[row.expert_instance_id] = sums.get(row.expert_instance_id, Spent()) + one
