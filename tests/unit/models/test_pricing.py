"""Pricing of models: dated lines, families of names, the trader's own file, and an honest unknown."""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.models.pricing import (
    SHIPPED_AS_OF,
    Price,
    PriceTable,
    Pricing,
    newest,
    parse,
    shipped_prices,
)

DAY = date(2026, 3, 2)
HEAD = "provider,model,valid_from,input,cached,output,source\n"


def own(folder: Path, *lines: str) -> Pricing:
    """A price table with these lines of the trader's own."""
    (folder / "prices.csv").write_text(HEAD + "\n".join(lines) + "\n")
    return Pricing(folder / "prices.csv")


def known(prices: Pricing, provider: str, model: str, day: date = DAY) -> Decimal | None:
    """Return what a million tokens of input cost."""
    found = prices.table().find(provider, model, day)
    return found.input if found else None


def test_the_shipped_table_is_whole_and_says_where_each_price_comes_from() -> None:
    assert {price.provider for price in shipped_prices()} == {"openai", "anthropic", "ollama", "scripted"}
    assert all(price.source for price in shipped_prices())
    assert all(price.output >= price.input >= price.cached for price in shipped_prices())


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("openai", "gpt-4o", "2.50"),
        ("openai", "gpt-4o-2024-08-06", "2.50"),
        ("openai", "gpt-4o-2024-05-13", "5.00"),
        ("openai", "gpt-4o-mini-2024-07-18", "0.15"),
        ("anthropic", "claude-sonnet-4-5-20250929", "3.00"),
        ("anthropic", "claude-opus-4-1-20250805", "15.00"),
        ("anthropic", "claude-3-7-sonnet-latest", "3.00"),
        ("ollama", "llama3.1:8b", "0"),
        ("scripted", "rules", "0"),
    ],
)
def test_a_model_is_found_by_its_name_or_its_familys(tmp_path: Path, provider: str, model: str, dollars: str) -> None:
    assert known(Pricing(tmp_path / "none.csv"), provider, model) == Decimal(dollars)


@pytest.mark.parametrize("model", ["gpt-4o-audio-preview", "gpt-4", "gpt-4oo", "gpt-6", "o3-deep-research", ""])
def test_a_model_that_only_begins_alike_is_unknown(tmp_path: Path, model: str) -> None:
    assert known(Pricing(tmp_path / "none.csv"), "openai", model) is None


def test_the_line_in_force_on_the_day_counts(tmp_path: Path) -> None:
    prices = own(tmp_path, "lab,m,2026-01-01,1,,1,", "lab,m,2026-03-01,2,,2,", "lab,m,2026-04-01,3,,3,")
    assert [known(prices, "lab", "m", date(2026, month, 15)) for month in (1, 3, 4)] == [1, 2, 3]
    assert known(prices, "lab", "m", date(2025, 12, 31)) is None
    assert [price.input for price in newest(prices.table().prices, DAY) if price.provider == "lab"] == [2]


def test_the_traders_own_line_goes_before_a_shipped_one_and_its_star_catches_the_rest(tmp_path: Path) -> None:
    prices = own(tmp_path, "openai,gpt-4o,2024-01-01,1.5,0.5,6,our contract", "lab,*,2026-01-01,0,,0,our own machine")
    assert known(prices, "openai", "gpt-4o") == Decimal("1.5")
    assert known(prices, "openai", "gpt-4o-mini") == Decimal("0.15")
    assert known(prices, "lab", "whatever") == 0


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    prices = Pricing(tmp_path / "prices.csv")
    assert known(prices, "lab", "m") is None
    own(tmp_path, "lab,m,2026-01-01,1,,1,")
    assert known(prices, "lab", "m") == 1
    (tmp_path / "prices.csv").unlink()
    assert known(prices, "lab", "m") is None


def test_bad_lines_are_told_by_their_numbers_and_the_good_ones_count(tmp_path: Path) -> None:
    prices = own(tmp_path, "lab,m,2026-01-01,1,,1,", "lab,n,soon,1,,1,", "", "lab,o,2026-01-01,-1,,1,", ",p,,,,,")
    assert prices.table().problems == (
        "prices.csv, line 3: valid_from is 'soon'; a day such as 2026-01-31 is wanted",
        "prices.csv, line 5: input is '-1'; USD a million tokens are wanted, such as 2.50",
        "prices.csv, line 6: provider is missing",
    )
    assert known(prices, "lab", "m") == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lab,m,2026-01-01,2,50,0,25,10,00", "more cells than the first line has columns"),
        ("lab,m,2026-01-01,2.50,0.25,10.00,source,more", "more cells than the first line has columns"),
        ("lab,gpt-*-mini,2026-01-01,2,,1,", "a * stands at its end only"),
        ("lab,n,2026-01-01,9,,9,", "lab's n of 2026-01-01 stands there twice"),
    ],
)
def test_a_line_whose_prices_may_be_others_is_none(tmp_path: Path, line: str, problem: str) -> None:
    prices = own(tmp_path, "lab,n,2026-01-01,1,,1,", line)
    assert [problem in one for one in prices.table().problems] == [True]
    assert (known(prices, "lab", "n"), known(prices, "lab", "m")) == (1, None)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("provider,model,valid_from,input,cached,output,cache_writes", "the column 'cache_writes', which is not known"),
        ("provider,model,valid_from,input,cached,output,output", "the column output 2 times"),
    ],
)
def test_a_column_that_is_not_read_is_told(head: str, problem: str) -> None:
    prices, problems = parse(f"{head}\nlab,m,2026-01-01,1,,1,9\n", "prices.csv")
    assert (len(prices), len(problems)) == (1, 1)
    assert problem in problems[0]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", '"', "provider,model\nlab,m\n"])
def test_a_file_that_is_no_table_is_one_sentence(text: str) -> None:
    prices, problems = parse(text, "prices.csv")
    assert (prices, len(problems)) == ((), 1)
    assert "the first line must name the columns provider,model,valid_from" in problems[0]


def test_a_file_that_cannot_be_read_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in Pricing(tmp_path / "prices.csv").table().problems[0]
    (tmp_path / "prices.csv").unlink()
    os.mkdir(tmp_path / "prices.csv")  # noqa: PTH102 - a folder of that name
    assert "cannot be read" in Pricing(tmp_path / "prices.csv").table().problems[0]


def test_a_cost_is_exact_to_the_millionth_and_unknown_without_a_count() -> None:
    price = Price("lab", "m", DAY, Decimal("2.5"), Decimal("1.25"), Decimal(10), "")
    assert price.cost(1, 0) == Decimal("0.000002")
    assert price.cost(1_000_000, 1_000_000, 400_000) == Decimal("12.0")
    assert price.cost(10, 0, 99) == Decimal("0.000012")  # more remembered than asked is a provider's mistake
    assert price.cost(None, 5) is None
    assert Price("lab", "m", DAY, Decimal(0), Decimal(0), Decimal(0), "").cost(None, None) == 0


def test_writing_into_a_cache_and_thinking_have_their_own_prices_where_a_vendor_has_them() -> None:
    plain = Price("lab", "m", DAY, Decimal(2), Decimal(1), Decimal(10), "")
    assert (plain.write, plain.thought) == (2, 10)
    assert Price("anthropic", "m", DAY, Decimal(4), Decimal(1), Decimal(10), "").write == 5
    (given_price,), _ = parse(f"{HEAD[:-1]},cache_write,reasoning\nlab,m,2026-01-01,2,1,10,,3,20\n", "prices.csv")
    assert (given_price.write, given_price.thought) == (3, 20)
    assert given_price.cost(1_000_000, 1_000_000, 200_000, 300_000, 400_000) == Decimal("16.1")


tokens = st.none() | st.integers(0, 10**12)
amounts = st.none() | st.decimals(0, 1000, places=4)


@given(tokens, tokens, tokens, tokens, tokens, amounts, amounts, st.decimals(0, 1000, places=4))
def test_no_count_of_tokens_costs_less_than_nothing_or_more_than_was_reserved(
    into: int | None, out: int | None, cached: int | None, written: int | None, thought: int | None,
    write: Decimal | None, think: Decimal | None, paid: Decimal,
) -> None:  # fmt: skip
    price = Price("lab", "m", DAY, paid, paid / 10, paid * 4, "", cache_write=write, reasoning=think)
    cost = price.cost(into, out, cached, written, thought)
    if into is None or out is None:
        assert cost is None or price.free
    else:
        assert cost is not None
        assert 0 <= cost <= price.most(into, out)
        assert cost == cost.quantize(Decimal("0.000001"))


def test_the_table_says_how_old_it_is() -> None:
    table = PriceTable(())
    assert table.sentence(SHIPPED_AS_OF) == "Shipped prices as of 2025-11-30"
    old = table.sentence(SHIPPED_AS_OF + timedelta(days=365))
    assert old == "Shipped prices as of 2025-11-30. They are 365 days old: look them up and import them"
    own = PriceTable((), own_as_of=date(2026, 11, 1)).sentence(date(2026, 11, 30))
    assert own == "Shipped prices as of 2025-11-30, your own as of 2026-11-01"
