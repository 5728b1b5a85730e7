"""Practice failures: raise each failure as the provider, the store or the bug behind it would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode

SENTENCES = {
    ErrorCode.RATE_LIMIT: "The practice provider answered 429: too many requests, slow down",
    ErrorCode.PROVIDER_DOWN: "The practice provider answered 503: it is down for maintenance",
    ErrorCode.MEMORY_STORE: "The practice memory store did not answer: its collection could not be opened",
    ErrorCode.INTERRUPTED: "The practice work was interrupted before it could finish",
    ErrorCode.AUTH: "The practice provider answered 401: the API key is wrong or has expired",
    ErrorCode.PERMISSION: "The practice provider answered 403: this key may not use the model it asks for",
    ErrorCode.MODEL_NOT_FOUND: "The practice provider answered 404: it has no model named practice-model",
    ErrorCode.BAD_REQUEST: "The practice provider answered 400: the request has a parameter it does not accept",
    ErrorCode.CONTEXT_OVERFLOW: "The practice model takes 8192 tokens and the request has 9011: shorten the input",
    ErrorCode.EXPERT_UNAVAILABLE: "The practice desk is closed: a requirement of its instance is no longer met",
    ErrorCode.DATA_MISSING: "{symbol} has too few bars for the practice model: 300 are needed",
    ErrorCode.SYMBOL_INVALID: "The practice provider does not know the symbol {symbol}",
    ErrorCode.STALE_DATA: "The newest bar of {symbol} at the practice provider is too old",
    ErrorCode.CALENDAR_ENDS: "The calendar of {symbol}'s exchange ends before today",
    ErrorCode.OUTPUT_INVALID: "The practice model's answer could not be read: no recommendation in it, twice",
    ErrorCode.BUDGET: "The practice budget is used up: the next call would exceed it",
}
RETRY_AFTER_SECONDS = 2.0


def fail(code: ErrorCode, symbol: str, provider: str | None = None) -> NoReturn:
    """Raise the practised failure: a builtin error or a real bug where such a failure is one, else ExpertError."""
    if code is ErrorCode.CONNECTION:
        raise ConnectionError("The practice provider refused the connection")
    if code is ErrorCode.TIMEOUT:
        raise TimeoutError("The practice provider did not answer in time")
    if code is ErrorCode.BUG:
        average = _average_fill_price([])
        raise AssertionError(f"the practised bug did not happen: {average}")
    retry_after = RETRY_AFTER_SECONDS if code is ErrorCode.RATE_LIMIT else None
    raise ExpertError(code, SENTENCES[code].format(symbol=symbol), retry_after=retry_after, provider=provider)


def _average_fill_price(fills: Sequence[tuple[int, int]]) -> float:
    """Return the average price, in cents, of fills (price in cents, shares); nobody thought of no fills at all."""
    return sum(price * shares for price, shares in fills) / sum(shares for _, shares in fills)
