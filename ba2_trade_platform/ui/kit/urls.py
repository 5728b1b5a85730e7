"""URLs: addresses of pages that other pages link to."""

from __future__ import annotations

from urllib.parse import quote


def symbol_url(symbol: str) -> str:
    """Return the address of a symbol's page."""
    return f"/symbols/{quote(symbol, safe='')}"
