"""Cost endpoints: sums of model calls by group, the day's budget, and the known prices."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, ReasonBody, RequestBody
from ba2_trade_platform.api.http.fields import AsOf
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.base.app_settings import HIGHEST
from ba2_trade_platform.core.models.costs import DayBudget, GroupBy, Grouped
from ba2_trade_platform.core.models.price_imports import MOST_CHARACTERS, PriceImport
from ba2_trade_platform.core.models.pricing import Price

router = APIRouter(prefix="/costs", tags=["costs"])
_NUMBER = {"type": "number", "minimum": 0, "maximum": int(HIGHEST)}
A_LIMIT = r"(1000000(\.0{1,6})?|[0-9]{1,6}(\.[0-9]{1,6})?)"
Since = Annotated[AsOf | None, Query(description="From this instant, or from the beginning of this day in UTC")]
Until = Annotated[AsOf | None, Query(description="Until before this instant, or before this day begins")]


def _amount(value: object) -> object:
    """Return an amount as it was written; a text keeps what a number of JSON may lose."""
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch(A_LIMIT, value)):
        raise ValueError("must be an amount in USD, such as 2.50")
    return str(value) if isinstance(value, int | float) else value


def _instant_of(day: date | None) -> datetime | None:
    """Return when a day begins in UTC; an instant is one already."""
    return day if day is None or isinstance(day, datetime) else datetime.combine(day, time(), UTC)


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    Field(ge=0, le=HIGHEST),
    WithJsonSchema({"anyOf": [_NUMBER, {"type": "string", "pattern": f"^{A_LIMIT}$"}]}),
]


class Budget(Answer, of=DayBudget):
    """The whole desk's budget of a UTC day in USD; `limit` and `left` are null when there is none.

    `spent` counts calls whose cost is not known at the most that they may have cost; then `at_least` is true.
    """

    sentence: str


class BudgetBody(ReasonBody):
    """The budget of a day in USD; null for no limit."""

    limit: Annotated[Amount | None, Field(description="To a millionth")]


class ModelPrice(Answer, of=Price):
    """What a model costs from a day on, in USD a million tokens; `own`: the trader's own file says so."""


class Prices(BaseModel):
    """All known prices; `file` is where own ones are added, `problems` are its lines that cannot be read.

    `as_of` is the day on which they were last looked up, and `sentence` says so.
    """

    items: list[ModelPrice]
    file: str
    problems: list[str]
    as_of: date
    sentence: str


class PriceImportBody(RequestBody):
    """A CSV file of prices, with the columns of `file`; `preview` only tells what would become of it."""

    text: Annotated[
        str, Field(max_length=MOST_CHARACTERS, description="The file's text; its first line names the columns")
    ]
    preview: bool = False


class ImportedPrices(Answer, of=PriceImport):
    """How many prices were added and changed, how many of the file stood there already, and how many others stay."""

    sentence: str


class FormerPrices(BaseModel):
    """Which prices are in force again."""

    sentence: str


@router.get("", responses=documented(409))
def costs(console: Console, group_by: GroupBy = "expert", since: Since = None, until: Until = None) -> Grouped:
    """Return tokens and money of each group, the dearest first; all attempts count, deleted analyses too."""
    return console.models.costs.by(group_by, _instant_of(since), _instant_of(until))


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
    return Prices(
        items=items,
        file=str(console.models.pricing.own),
        problems=list(table.problems),
        as_of=table.as_of,
        sentence=table.sentence(console.store.clock.now().date()),
    )


@router.post("/prices/import", responses=documented(409))
def import_prices(body: PriceImportBody, console: Console, asker: Asker) -> ImportedPrices:
    """Take over a file's prices, whole or not at all; what has ended keeps its cost."""
    return ImportedPrices.model_validate(console.models.price_imports.load(body.text, by=asker, preview=body.preview))


@router.post("/prices/undo", responses=documented(409))
def undo_prices(console: Console, asker: Asker) -> FormerPrices:
    """Go back to the price file before the last import; pressed again, that is taken back."""
    return FormerPrices(sentence=console.models.price_imports.undo(by=asker))
