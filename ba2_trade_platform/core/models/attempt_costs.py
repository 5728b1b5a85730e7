"""Attempt costs: tokens and money of one analysis by attempt and step, added up from its model calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, func, literal, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.types import Money

_C = t.model_call.c
_OF_ATTEMPT = (_C.analysis_id == t.attempt.c.analysis_id) & (_C.attempt == t.attempt.c.number)
_ALL = func.count()
_TOKENS = case((func.count(_C.tokens_in + _C.tokens_out) == _ALL, func.sum(_C.tokens_in + _C.tokens_out)))
_COST = case((func.count(_C.cost) == _ALL, func.sum(_C.cost)))
_ADD_UP = (
    update(t.attempt)
    .where(
        t.attempt.c.analysis_id == bindparam("c_id"),
        t.attempt.c.number == bindparam("c_attempt"),
        exists().where(_OF_ATTEMPT),
    )
    .values(
        tokens=select(_TOKENS).where(_OF_ATTEMPT).scalar_subquery(),
        cost=select(_COST).where(_OF_ATTEMPT).scalar_subquery(),
    )
)
# The columns that a Spend is made of, in its order.
SUMS: tuple[ColumnElement[Any], ...] = (
    _ALL,
    func.coalesce(func.sum(_C.tokens_in), 0),
    func.coalesce(func.sum(_C.tokens_out), 0),
    func.coalesce(func.sum(_C.tokens_cached), 0),
    func.coalesce(func.sum(_C.cost, type_=Money), literal(Decimal(0), Money)),
    func.count(_C.cost) < _ALL,
    func.count(_C.tokens_in + _C.tokens_out) < _ALL,
)
_BY_STEP = select(_C.attempt, _C.step, *SUMS).where(_C.analysis_id == bindparam("c_id")).group_by(_C.attempt, _C.step)


@dataclass(frozen=True)
class Spend:
    """What calls took together: money in USD, as far as it is known.

    `at_least`: a part of the money is not known, so it is at least this; `tokens_at_least` says the same of tokens.
    `tokens_in` includes `tokens_cached`.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: Decimal = Decimal(0)
    at_least: bool = False
    tokens_at_least: bool = False

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_cached + other.tokens_cached,
            self.cost + other.cost,
            self.at_least or other.at_least,
            self.tokens_at_least or other.tokens_at_least,
        )


@dataclass(frozen=True)
class AnalysisSpend:
    """What one analysis took, by attempt, and by (attempt, step)."""

    attempts: Mapping[int, Spend] = field(default_factory=dict)
    steps: Mapping[tuple[int, str | None], Spend] = field(default_factory=dict)

    @property
    def total(self) -> Spend:
        """What all attempts took together."""
        return sum(self.attempts.values(), Spend())


def read_spend(session: Session, analysis_id: int) -> AnalysisSpend:
    """Return what an analysis has taken so far; calls under way are parts that are not known."""
    steps = {(row[0], row[1]): Spend(*row[2:]) for row in session.execute(_BY_STEP, {"c_id": analysis_id})}
    attempts: dict[int, Spend] = {}
    for (number, _), spend in steps.items():
        attempts[number] = attempts.get(number, Spend()) + spend
    return AnalysisSpend(attempts, steps)


def add_up(session: Session, *attempts: tuple[int, int]) -> None:
    """Write on each (analysis id, number) what its calls took; unknown where a part is. Without calls nothing changes.

    A call that is still under way is a part that is unknown.
    """
    rows = [{"c_id": analysis_id, "c_attempt": number} for analysis_id, number in attempts]
    if rows:
        session.connection().execute(_ADD_UP, rows)
