"""Cost endpoints: sums of model calls by group, the day's budget, and the known prices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, ReasonBody
from ba2_trade_platform.core.models.costs import DayBudget, GroupBy, Grouped
from ba2_trade_platform.core.models.pricing import Price

router = APIRouter(prefix="/costs", tags=["costs"])
Since = Annotated[
    datetime | None, Query(description="From this instant, or from the beginning of this day; UTC unless it says")
]
Until = Annotated[datetime | None, Query(description="Until before this instant, or before this day begins")]


class Budget(Answer, of=DayBudget):
    """The whole desk's budget of a UTC day in USD; `limit` and `left` are null when there is none.

    `spent` counts calls whose cost is not known at the most that they may have cost; then `at_least` is true.
    """

    sentence: str


class BudgetBody(ReasonBody):
    """The budget of a day in USD; null for no limit."""

    limit: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)] | None


class ModelPrice(Answer, of=Price):
    """What a model costs from a day on, in USD a million tokens; `own`: the trader's own file says so."""


class Prices(BaseModel):
    """All known prices; `file` is where own ones are added, `problems` are its lines that cannot be read."""

    items: list[ModelPrice]
    file: str
    problems: list[str]


@router.get("")
def costs(console: Console, group_by: GroupBy = "expert", since: Since = None, until: Until = None) -> Grouped:
    """Return tokens and money of each group, the dearest first; all attempts count, deleted analyses too."""
    return console.models.costs.by(group_by, since, until)


@router.get("/budget")
def budget(console: Console) -> Budget:
    """Return how the whole desk's budget of today stands."""
    return Budget.model_validate(console.models.costs.budget())


@router.put("/budget")
def set_budget(console: Console, asker: Asker, body: BudgetBody) -> Budget:
    """Set the whole desk's budget of a day; it holds from the next model call on."""
    return Budget.model_validate(console.models.costs.set_budget(body.limit, by=asker, reason=body.reason))


@router.get("/prices")
def prices(console: Console) -> Prices:
    """Return what models cost, as far as this console knows."""
    table = console.models.pricing.table()
    items = [ModelPrice.model_validate(price) for price in table.prices]
    return Prices(items=items, file=str(console.models.pricing.own), problems=list(table.problems))
