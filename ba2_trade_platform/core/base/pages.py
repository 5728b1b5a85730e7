"""Page: one type for a slice of a list, one check of its size, and one coding of the place where it goes on."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from ba2_trade_platform.core.base.errors import Impossible, Invalid

T = TypeVar("T")
Cursor = str | int
BROKEN = (ValueError, TypeError, ArithmeticError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list. `next_cursor` leads to those behind, None: no more.

    `total` counts them all, on lists that say so. `bounded`: sorted among the newest 10,000 matches only.
    """

    items: tuple[T, ...]
    next_cursor: Any = None
    total: int = 0
    bounded: bool = False


def checked_limit(limit: int, most: int) -> int:
    """Return how many items a page may have; raises Invalid."""
    if not 1 <= limit <= most:
        raise Invalid(f"The limit must be between 1 and {most}, not {limit}", code="INVALID_LIMIT")
    return limit


def page_of(found: Sequence[T], limit: int, cursor_of: Callable[[T], Cursor]) -> Page[T]:
    """Return the first `limit` of what was found; one more than that was asked for, to see whether there are more."""
    items = tuple(found[:limit])
    return Page(items, cursor_of(items[-1]) if len(found) > limit else None)


def encode_cursor(*values: Any) -> str:
    """Return a cursor that says where a page goes on: JSON-able values and datetimes, not to be read by anybody."""
    said = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, read: Callable[..., T]) -> T:
    """Return what `read` makes of a cursor's values; raises Invalid for one that is none: it comes from outside."""
    try:
        return read(*json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
    except BROKEN as error:
        raise Impossible("This page's cursor is broken; start at the first page", code="INVALID_CURSOR") from error


def database_integer(value: Any) -> int:
    """Return a cursor's number, or raise ValueError for one that no database could hold."""
    number = int(value)
    if abs(number) >= 2**63:
        raise ValueError(f"{number} is too large")
    return number
