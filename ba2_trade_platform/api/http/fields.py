"""Field types: state every limit of a field in the document, so that a request which fits it is accepted.

Where a service says in a good sentence what is wrong, the limit is described here (`said`) and refused there.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from ba2_trade_platform.core.base.sanitizing import INVISIBLE
from ba2_trade_platform.core.base.symbols import SYMBOL_PATTERN

MAX_ID = 2**63 - 1
# In a body: the largest that every reader of JSON holds as it is, for many hold all numbers as floats.
MAX_NUMBER = 2**53 - 1
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# What clean_name leaves something of; a name and a reason without it is none.
SOME_LETTER = rf"[^\s\u0000-\u001f\u007f-\u009f{INVISIBLE}]"
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,400})(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def said(**schema: Any) -> Any:
    """Return a field whose limits the document names and the service checks, for its sentence says more."""
    return Field(json_schema_extra=schema)


def _whole(value: object) -> object:
    """Return 5.0 as 5: JSON has one kind of numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _digits(value: object) -> object:
    """Return a parameter's number as JSON would have it; Python itself reads more: 1_000, +5 and blanks around."""
    if not isinstance(value, str):
        return value
    number = Decimal(value) if _JSON_NUMBER.fullmatch(value) else Decimal("NaN")
    if not number.is_finite() or number.adjusted() > 30 or number != number.to_integral_value():
        raise ValueError("must be a whole number")
    return int(number)


def _truth(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("must be true or false")
        return value == "true"
    return value


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a day: 2014-12-31")


def _instant(value: object) -> datetime:
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError("must be an instant: 2014-12-31T21:00:00Z") from error


def _day_or_instant(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return _day(value) if _DAY.fullmatch(str(value)) else _instant(value)
    except ValueError as error:
        raise ValueError("must be a day or an instant: 2014-12-31 or 2014-12-31T21:00:00Z") from error


def _utc(instant: datetime) -> datetime:
    """Return an instant in UTC; one at the very ends of the calendar stays there."""
    if instant.utcoffset() is None:
        raise ValueError("needs a time zone, for example 2014-12-31T21:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return FIRST if instant.year == 1 else LAST


WHOLE, DIGITS = BeforeValidator(_whole), BeforeValidator(_digits)
Flag = Annotated[bool, Field(strict=True)]
Number = Annotated[int, Field(strict=True), WHOLE]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
RowId = Annotated[int, Field(strict=True, ge=1, le=MAX_NUMBER), WHOLE]
QueryFlag = Annotated[bool, BeforeValidator(_truth)]
QueryId = Annotated[int, Field(ge=1, le=MAX_ID), DIGITS]
Day = Annotated[date, BeforeValidator(_day)]
Name = Annotated[str, Field(max_length=80), said(minLength=1, pattern=SOME_LETTER)]
SymbolText = Annotated[str, Field(max_length=80, examples=["AAPL"]), said(pattern=SYMBOL_PATTERN)]
NeededReason = Annotated[
    str, Field(max_length=500, description="Why, in the trader's words"), said(minLength=1, pattern=SOME_LETTER)
]
Place = Annotated[
    str, Field(max_length=2000, description="next_cursor of the page before"), said(pattern="^[A-Za-z0-9_-]*$")
]
_INSTANT: dict[str, Any] = {"type": "string", "format": "date-time"}
_TEXTS: dict[str, Any] = {"anyOf": [_INSTANT, {"type": "string", "format": "date"}]}
AsOf = Annotated[
    datetime | date,
    BeforeValidator(_day_or_instant),
    WithJsonSchema(_TEXTS | {"description": "An instant, or a day, which means the close of its session"}),
]
Moment = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT)]
UtcMoment = Annotated[Moment, AfterValidator(_utc)]
