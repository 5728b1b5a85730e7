"""Unknown symbols: names the nearest known ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ba2_trade_platform.core.base.symbols import LONGEST_SYMBOL, capitals, is_symbol
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode


def unknown_symbol(symbol: str, known: Iterable[str]) -> ExpertError:
    """Return the SYMBOL_INVALID error that names `symbol` and the nearest known ones."""
    shown = symbol if len(symbol) <= LONGEST_SYMBOL else f"{symbol[:LONGEST_SYMBOL]}..."
    sentence = f"Unknown symbol {shown if is_symbol(symbol) else repr(shown)}"
    nearest = get_close_matches(capitals(symbol[:LONGEST_SYMBOL]), sorted(known), n=3, cutoff=0.5)
    if nearest:
        sentence += f"; the nearest known: {', '.join(nearest)}"
    return ExpertError(ErrorCode.SYMBOL_INVALID, sentence)
