"""Symbol check: accepts well-formed symbols, and suggests the nearest for an unknown one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode

_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=_-]{0,31}")
_SHOWN = 32


def is_symbol(text: str) -> bool:
    """Tell whether `text` can be a symbol: at most 32 upper-case letters, digits and `. ^ = _ -`."""
    return _SYMBOL.fullmatch(text) is not None


def unknown_symbol(symbol: str, known: Iterable[str]) -> ExpertError:
    """Return the SYMBOL_INVALID error that names `symbol` and the nearest known ones."""
    shown = symbol if len(symbol) <= _SHOWN else f"{symbol[:_SHOWN]}..."
    sentence = f"Unknown symbol {shown if is_symbol(symbol) else repr(shown)}"
    nearest = get_close_matches(symbol[:_SHOWN].upper(), sorted(known), n=3, cutoff=0.5)
    if nearest:
        sentence += f"; the nearest known: {', '.join(nearest)}"
    return ExpertError(ErrorCode.SYMBOL_INVALID, sentence)
