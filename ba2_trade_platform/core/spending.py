"""Holds model calls to their budgets: what is spent, and what calls under way may still cost, against each limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts import ExpertError
from ba2_trade_platform.core.desk_settings import BUDGET_PER_DAY, amount, read_setting
from ba2_trade_platform.core.model_contracts import CallStart
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import ErrorCode
from ba2_trade_platform.db.types import Money

_C = t.model_call.c
# What nobody knows yet, or never will, counts as the most that it may have been.
_COUNTED = func.coalesce(_C.cost, _C.reserved)
_SUM = func.sum(_COUNTED, type_=Money)
_KNOWN = func.sum(_C.cost, type_=Money)
_OF_ANALYSIS = select(_SUM, _KNOWN).where(_C.analysis_id == bindparam("s_analysis"))
_OF_DAY = (
    select(_C.expert_instance_id, _SUM, _KNOWN)
    .where(_C.started_at >= bindparam("s_day"))
    .group_by(_C.expert_instance_id)
)


def utc_day(now: datetime) -> datetime:
    """Return when the UTC day of `now` began; budgets of a day are of this day."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Spent:
    """What counts against a budget in USD, and how much of it is known for certain."""

    counted: Decimal = Decimal(0)
    known: Decimal = Decimal(0)

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.counted + other.counted, self.known + other.known)


@dataclass(frozen=True)
class _Budget:
    of: str
    limit: Decimal
    spent: Spent
    remedy: str


class Spending:
    """Checks a call's budgets inside the transaction that writes it down, so that no two calls share what is left."""

    def __init__(self, price_file: Path) -> None:
        self._price_file = price_file

    def check(self, session: Session, start: CallStart, reserved: Decimal | None, now: datetime) -> None:
        """Raise ExpertError BUDGET when the call, at its dearest, would exceed a budget, or has no known price."""
        for budget in self._budgets(session, start, now):
            if reserved is None:
                raise ExpertError(
                    ErrorCode.BUDGET,
                    f"Nobody knows the price of {start.model} at {start.provider}, so it cannot be held to the budget "
                    f"of {budget.of}: add its price to {self._price_file}, or remove that budget; then resume",
                )
            if budget.spent.counted + reserved > budget.limit:
                raise ExpertError(ErrorCode.BUDGET, _sentence(budget, reserved))

    def _budgets(self, session: Session, start: CallStart, now: datetime) -> list[_Budget]:
        expert, found = start.budgets, []
        if expert.per_analysis is not None:
            spent = _spent(session.execute(_OF_ANALYSIS, {"s_analysis": start.analysis_id}).one())
            found.append(_Budget("this analysis", expert.per_analysis, spent, "in the expert's settings"))
        whole_day = amount(read_setting(session, BUDGET_PER_DAY))
        if expert.per_expert_day is not None or whole_day is not None:
            today = spent_by_expert(session, utc_day(now))
            if expert.per_expert_day is not None:
                spent = today.get(start.expert_instance_id, Spent())
                found.append(_Budget("this expert for today", expert.per_expert_day, spent, "in the expert's settings"))
            if whole_day is not None:
                spent = sum(today.values(), Spent())
                found.append(_Budget("the whole desk for today", whole_day, spent, "on the page Costs"))
        return found


def spent_by_expert(session: Session, day: datetime) -> dict[int, Spent]:
    """Return what each expert instance has spent since a day began."""
    return {row[0]: _spent(row[1:]) for row in session.execute(_OF_DAY, {"s_day": day})}


def _spent(row: Any) -> Spent:
    counted, known = row
    return Spent(counted or Decimal(0), known or Decimal(0))


def _sentence(budget: _Budget, reserved: Decimal) -> str:
    counted, known = budget.spent.counted, budget.spent.known
    unsure = f" ({usd(known)} for certain, the rest is what calls under way or without an answer may cost)"
    return (
        f"The budget of {budget.of} is {usd(budget.limit)}: {usd(counted)} are spent"
        f"{unsure if known != counted else ''} and this call may take up to {usd(reserved)}. "
        f"Raise it {budget.remedy}, then resume: what is done is kept"
    )


def usd(value: Decimal) -> str:
    """Return an amount in USD with as many places as tell something, at least two."""
    whole = value >= 10 or value == value.quantize(Decimal("0.01"))
    places = 2 if whole else 4 if value >= Decimal("0.01") else 6
    return f"{value:,.{places}f} USD"
