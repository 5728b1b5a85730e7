"""URLs: addresses of pages that other pages link to, and the numbers in them."""

from __future__ import annotations

from urllib.parse import quote


def symbol_url(symbol: str) -> str:
    """Return the address of a symbol's page."""
    return f"/symbols/{quote(symbol, safe='')}"


def analyses_url(symbol: str) -> str:
    """Return the address of a symbol's analyses."""
    return f"/marketanalysis?symbol={quote(symbol, safe='')}"


def whole_number(text: str | None) -> int | None:
    """Return the number that a part of an address is; None for anything but a whole one of at most 15 digits."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
