"""Symbols: one spelling, and no letter of another alphabet that looks like one of theirs in capitals."""

from __future__ import annotations

import pytest

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.symbols import capitals, symbol_of


def test_a_symbol_is_stored_in_capitals_without_blanks() -> None:
    assert [symbol_of(text) for text in (" aapl ", "btc/usd", "^gspc", "BRK.B")] == [
        "AAPL",
        "BTC/USD",
        "^GSPC",
        "BRK.B",
    ]


@pytest.mark.parametrize("text", ["", " ", "AA PL", "\u00df", "\ufb01", "\u017fpy", "\u0131bm", "-A", "A" * 41])
def test_what_is_no_symbol_never_becomes_another_companys(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        symbol_of(text)
    assert refused.value.code == "SYMBOL_INVALID"
    assert capitals(text) == (text.upper() if text.isascii() else text)
