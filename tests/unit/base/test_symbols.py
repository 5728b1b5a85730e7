"""Symbols: one spelling, and no letter of another alphabet that looks like one of theirs in capitals."""

from __future__ import annotations

import re
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.symbols import (
    SYMBOL_PATTERN,
    capitals,
    file_stem,
    is_symbol,
    spelled,
    symbol_of,
    symbol_of_stem,
    typed_symbols,
)

SYMBOLS = st.from_regex(r"[A-Z0-9^][A-Z0-9.=^/:_&-]{0,39}", fullmatch=True)
NEARLY = st.text(st.sampled_from("aZ0^.=/:_&- \u200b\u202a\u202e\u00df\u00e9\u00a0\t%*"), max_size=45)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        (" aapl ", "AAPL"),
        ("btc/usd", "BTC/USD"),
        ("^gspc", "^GSPC"),
        ("BRK.B", "BRK.B"),
        ("btc_usdt", "BTC_USDT"),
        ("m&m.ns", "M&M.NS"),
        ("NIFTY_50", "NIFTY_50"),
        ("ES=F", "ES=F"),
        ("\ufeffAAPL\u200b", "AAPL"),
        ("\u202aVOD\u00ad.L\u202c", "VOD.L"),
    ],
)
def test_a_symbol_is_stored_in_capitals_without_blanks_and_what_came_along_unseen(text: str, symbol: str) -> None:
    assert symbol_of(text) == symbol


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "AA PL",
        "\u00df",
        "\ufb01",
        "\u017fpy",
        "\u0131bm",
        "-A",
        "_A",
        "A" * 41,
        "SPAXX**",
        "A%2FB",
        "\u202eLPAA",
    ],
)
def test_what_is_no_symbol_never_becomes_another_companys(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        symbol_of(text)
    assert refused.value.code == "SYMBOL_INVALID"
    assert capitals(text) == (text.upper() if text.isascii() else text)


@given(SYMBOLS | NEARLY)
def test_the_document_of_the_api_says_exactly_what_is_a_symbol(text: str) -> None:
    try:
        taken = bool(symbol_of(text))
    except Invalid:
        taken = False
    assert taken == (re.search(SYMBOL_PATTERN, text.rstrip("\n") if text.endswith("\n") else text) is not None)
    assert taken == is_symbol(spelled(text))


@given(SYMBOLS)
def test_each_symbol_has_a_file_name_of_its_own_on_every_system(symbol: str) -> None:
    stem = file_stem(symbol)
    assert symbol_of_stem(stem) == symbol
    assert not set(stem) & set('<>:"/\\|?*')
    assert not PureWindowsPath(f"{stem}.csv").is_reserved()


@pytest.mark.parametrize(
    ("symbol", "stem"),
    [("M&M.NS", "M&M.NS"), ("BTC/USD", "BTC%2FUSD"), ("LSE:VOD", "LSE%3AVOD"), ("CON", "%43ON"), ("PRN.L", "%50RN.L")],
)
def test_only_what_no_file_can_bear_is_written_otherwise(symbol: str, stem: str) -> None:
    assert (file_stem(symbol), symbol_of_stem(stem), symbol_of_stem(stem.lower())) == (stem, symbol, symbol)


@pytest.mark.parametrize("stem", ["my stocks", "%00", "A%2", "%2e%2e%2fetc", "", "%C3%9F"])
def test_other_file_names_mean_no_symbol(stem: str) -> None:
    assert symbol_of_stem(stem) is None


def test_a_class_by_a_blank_is_asked_for_and_never_taken_for_two_companies() -> None:
    assert typed_symbols("$AAPL, brk b; MSFT 'BF.B'\nF T") == ["AAPL", "brk b", "MSFT", "BF.B", "F", "T"]
    for text, words in (
        ("BRK B", "write BRK.B, or BRK, B"),
        ("bf a", "write BF.A, or BF, A"),
        ("LEN\u200b B", "write LEN.B, or LEN, B"),
    ):
        with pytest.raises(Invalid, match=words):
            symbol_of(text)
