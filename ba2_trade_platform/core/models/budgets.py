"""Budgets: check a call's limits as it is recorded, so that no two calls share the rest (docs/decisions/0012)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.app_settings import BUDGET_PER_DAY, amount, read_setting
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import CallStart
from ba2_trade_platform.core.models.daily_totals import COUNTED, KNOWN, DailyTotals, Spent, utc_day
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode

_C = t.model_call.c
_OF_ANALYSIS = select(COUNTED, KNOWN).where(_C.analysis_id == bindparam("s_analysis"))


@dataclass(frozen=True)
class _Budget:
    of: str
    limit: Decimal
    spent: Spent
    remedy: str


class BudgetGuard:
    """Checks a call's budgets inside the transaction that writes it down, so that no two calls share what is left."""

    def __init__(self, price_file: Path) -> None:
        self._price_file = price_file
        self._today = DailyTotals()

    def check(self, session: Session, start: CallStart, reserved: Decimal | None, now: datetime) -> None:
        """Raise ExpertError BUDGET when the call, at its dearest, would exceed a budget, or has no known price."""
        for budget in self._budgets(session, start, now):
            if reserved is None:
                raise ExpertError(
                    ErrorCode.BUDGET,
                    f"Nobody knows the price of {start.model} at {start.provider}, so it cannot be held to the budget "
                    f"of {budget.of}: add its price to {self._price_file}, or remove that budget; then re-run",
                )
            if budget.spent.counted + reserved > budget.limit:
                raise ExpertError(ErrorCode.BUDGET, _sentence(budget, reserved))

    def _budgets(self, session: Session, start: CallStart, now: datetime) -> Iterator[_Budget]:
        expert, remedy = start.budgets, "in the expert's settings"
        if expert.per_analysis is not None:
            spent = Spent.of(*session.execute(_OF_ANALYSIS, {"s_analysis": start.analysis_id}).one())
            yield _Budget("this analysis", expert.per_analysis, spent, remedy)
        whole_day = amount(read_setting(session, BUDGET_PER_DAY))
        if expert.per_expert_day is None and whole_day is None:
            return
        today = self._today.read(session, utc_day(now))
        if expert.per_expert_day is not None:
            spent = today.get(start.expert_instance_id, Spent())
            yield _Budget("this expert for today", expert.per_expert_day, spent, remedy)
        if whole_day is not None:
            yield _Budget("the whole desk for today", whole_day, sum(today.values(), Spent()), "on the page Costs")


def _sentence(budget: _Budget, reserved: Decimal) -> str:
    counted, known = budget.spent.counted, budget.spent.known
    unsure = f" ({usd(known)} for certain, the rest is what calls under way or without an answer may cost)"
    return (
        f"The budget of {budget.of} is {usd(budget.limit)}: {usd(counted)} are spent"
        f"{unsure if known != counted else ''} and this call may take up to {usd(reserved)}. "
        f"Raise it {budget.remedy}, then re-run: Resume keeps what is done"
    )


def usd(value: Decimal) -> str:
    """Return an amount in USD with as many places as tell something, at least two."""
    whole = value >= 10 or value == value.quantize(Decimal("0.01"))
    places = 2 if whole else 4 if value >= Decimal("0.01") else 6
    return f"{value:,.{places}f} USD"
