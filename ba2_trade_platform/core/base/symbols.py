"""Symbol normalisation: one spelling of each symbol, so that the same one is stored once."""

from __future__ import annotations

import re

from ba2_trade_platform.core.base.errors import Invalid

_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^/:]{0,39}")


def capitals(text: str) -> str:
    """Return a symbol's letters in capitals; other alphabets stay, for their capitals may be letters of this one."""
    return text.upper() if text.isascii() else text


def symbol_of(text: str) -> str:
    """Return a symbol as it is stored, or raise Invalid."""
    symbol = capitals(text.strip())
    if not _SYMBOL.fullmatch(symbol):
        shown = text.strip()[:40] or "(empty)"
        raise Invalid(f"{shown} is no symbol: letters, digits and . - = ^ / : only, 40 at most", code="SYMBOL_INVALID")
    return symbol
