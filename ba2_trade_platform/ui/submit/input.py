"""Input parsing: reads typed symbols and instants of Manual Analysis; pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.symbols import spelled, typed_symbols

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def symbols_in(text: str) -> list[str]:
    """Return the symbols in a text, in capitals, each once, in their order; commas, spaces, quotes, lines part them."""
    return list(dict.fromkeys(map(spelled, typed_symbols(text))))


def with_symbols(text: str, more: list[str]) -> str:
    """Return the text with these symbols added behind those it has."""
    return ", ".join(dict.fromkeys([*symbols_in(text), *more]))


def without_symbol(text: str, symbol: str) -> str:
    """Return the text without this symbol."""
    return ", ".join(known for known in symbols_in(text) if known != symbol)


def as_of_in(text: str, zone: ZoneInfo) -> date | datetime | None:
    """Return a day, or an aware instant (in `zone` when it names none), or None for nothing; raises Invalid."""
    given = text.strip()
    if not given:
        return None
    try:
        if _DAY.fullmatch(given):
            return date.fromisoformat(given)
        instant = datetime.fromisoformat(given)
    except ValueError as error:
        raise Invalid(f"{given[:40]} is no date: write 2014-06-30, or 2014-06-30 15:30") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)
