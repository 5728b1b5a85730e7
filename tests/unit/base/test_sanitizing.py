"""Sanitizing: values that experts hand over are made storable where they are made."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ba2_trade_platform.api.http.fields import SOME_LETTER
from ba2_trade_platform.core.base.sanitizing import (
    MAX_TEXT,
    canonical_json,
    clean_json,
    clean_name,
    clean_reason,
    clean_text,
)
from ba2_trade_platform.core.contracts.experts import Verdict

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.dates() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.integers(), inner),
    max_leaves=20,
)


@given(st.text(st.characters()))
def test_any_text_becomes_storable_and_stays_so(text: str) -> None:
    clean = clean_text(text)
    assert "\x00" not in clean
    assert clean.encode("utf-8").decode("utf-8") == clean == clean_text(clean)


@given(ANYTHING)
def test_anything_becomes_json_that_is_strict_and_stays_the_same(value: object) -> None:
    clean = clean_json(value)
    assert json.loads(json.dumps(clean, allow_nan=False)) == clean == clean_json(clean)


def test_a_text_past_4_mb_is_cut_to_4_mb_and_says_so() -> None:
    clean = clean_text("x" * (MAX_TEXT + 1))
    assert len(clean) == MAX_TEXT
    assert clean.endswith("(cut)")
    assert clean_text("x" * MAX_TEXT) == "x" * MAX_TEXT


def test_numpy_scalars_and_arrays_become_plain_numbers_and_lists() -> None:
    found = clean_json({"rsi": np.float64(70.5), "n": np.int64(3), "closes": np.array([1.0, math.nan]), "up": np.True_})
    assert found == {"rsi": 70.5, "n": 3, "closes": [1.0, None], "up": True}


def test_nan_and_infinity_become_null_and_unknown_objects_their_text() -> None:
    found = clean_json([math.nan, math.inf, Decimal("1.50"), datetime(2014, 12, 31, tzinfo=UTC), (1, 2)])
    assert found == [None, None, "1.50", "2014-12-31 00:00:00+00:00", [1, 2]]


def test_equal_values_have_one_spelling_whatever_their_order() -> None:
    assert canonical_json({"b": 1, "a": [2.0]}) == canonical_json({"a": [2.0], "b": 1}) == '{"a":[2.0],"b":1}'


def test_the_details_of_a_verdict_are_cleaned_where_it_is_made() -> None:
    assert Verdict(action="HOLD", confidence=50, details="so\ud800 so\x00").details == "so? so"  # type: ignore[arg-type]  # as a text


@pytest.mark.parametrize(
    "values",
    [
        {"confidence": 0}, {"confidence": 101}, {"confidence": math.nan}, {"action": "MAYBE"},
        {"expected_profit_percent": math.inf}, {"price": Decimal(0)}, {"price": Decimal("NaN")},
        {"stop_price": Decimal(-1)}, {"target_price": Decimal("1e30")}, {"moon": 1},
    ],
)  # fmt: skip
def test_a_verdict_that_makes_no_sense_cannot_be_made(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Verdict(**{"action": "BUY", "confidence": 50, **values})  # type: ignore[arg-type]  # wrong on purpose


@given(st.text(st.characters()))
def test_a_name_is_one_line_that_reads_as_it_stands(text: str) -> None:
    name = clean_name(text)
    assert name == clean_name(name) == " ".join(name.split())
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name)


# Signs of numbers, years and verses, and of Kaithi and Syriac: of the category of formats, and drawn.
DRAWN = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
# Unicode's Default_Ignorable_Code_Point where it is of another category, and what is drawn as nothing.
UNSEEN = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u2800\u3164\ufe0f\uffa0\ufff0"
    "\U0001d159\U000e0100\U000e0fff"
)


def test_no_character_that_is_not_seen_stays_in_a_name() -> None:
    formats = [character for character in map(chr, range(0x110000)) if unicodedata.category(character) == "Cf"]
    assert clean_name("".join(formats)) == DRAWN
    assert clean_name(UNSEEN) == ""
    assert clean_name("Te\u180bch \U0001d173desk\u2800") == "Tech desk"
    assert clean_name("Größe 目標 कृष्ण שלום e\u0301") == "Größe 目標 कृष्ण שלום e\u0301"


def test_the_documents_pattern_of_a_name_finds_what_a_name_keeps() -> None:
    everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    assert set(re.findall(SOME_LETTER, everything)) == set(clean_name(everything)) - {" "}


def test_a_reason_turns_no_sentence_and_one_that_shows_nothing_is_none() -> None:
    assert clean_reason("back \u202eLLES\u2066 n\u200fow\U000e0041\u2028") == "back LLES now"
    assert clean_reason("good \U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e") == (
        "good \U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e"
    )
    for blank in (None, "", " \n", "\u200b", "\u3164 \u2800", "\u202e\u202c"):
        assert clean_reason(blank) is None


def test_text_keeps_tab_and_newline_and_nothing_else_that_a_terminal_obeys() -> None:
    assert clean_text("a\r\nb\tc\x1b[31md\x07\x9b\x7fe\x00f\rg") == "a\nb\tc[31mdefg"
    assert clean_name("Bu\u200by \u202eLLES\u202c\r\nnow\u00ad") == "Buy LLES now"
