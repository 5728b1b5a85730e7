"""Price imports: a file is taken over whole or not at all, and the one before comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import PlatformError, Refused
from ba2_trade_platform.core.models.price_imports import PriceImports
from ba2_trade_platform.vocabulary import ProviderKind
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import Desk, make_desk

HEAD = "provider,model,valid_from,input,cached,output,source\n"
DAY = date(2026, 6, 1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A console without own prices."""
    made = make_desk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def imports(desk: Desk) -> PriceImports:
    """Its price imports."""
    return desk.platform.models.price_imports


def price(desk: Desk, model: str, day: date = DAY) -> Decimal | None:
    """Return what a million tokens of input cost."""
    found = desk.platform.models.pricing.table().find("lab", model, day)
    return found.input if found else None


def test_earlier_lines_of_other_days_and_models_stay(desk: Desk, imports: PriceImports) -> None:
    imports.load(HEAD + "lab,a,2026-01-01,1,,1,\nlab,b,2026-01-01,2,,2,\n", by=TRADER)
    told = imports.load(HEAD + "lab,a,2026-05-01,3,,3,new\nlab,b,2026-01-01,2.5,,2,\n", by=TRADER)
    assert told.sentence == "Added 1 price and changed 1; 0 stood there already, 1 others stay"
    assert (price(desk, "a"), price(desk, "a", date(2026, 4, 1)), price(desk, "b")) == (3, 1, Decimal("2.5"))
    lines = ask(desk.file, "SELECT what, after FROM activity_log WHERE subject_type = 'desk_setting' ORDER BY id")
    assert [line[0] for line in lines] == ["import", "import"]
    assert told.sentence in lines[1][1]


def test_a_look_writes_nothing_and_an_import_is_taken_back(desk: Desk, imports: PriceImports) -> None:
    text = HEAD + "lab,a,2026-01-01,1,,1,\n"
    assert imports.load(text, by=TRADER, preview=True).sentence.startswith("Would add 1 price and change 0")
    assert price(desk, "a") is None
    imports.load(text, by=TRADER)
    assert price(desk, "a") == 1
    assert imports.undo(by=TRADER) == "prices.csv is again what it was before: 0 prices of your own"
    assert price(desk, "a") is None
    imports.undo(by=TRADER)
    assert price(desk, "a") == 1
    assert not list(desk.platform.models.pricing.own.parent.glob("*.new"))


def test_lines_that_an_import_would_lose_are_corrected_first(desk: Desk, imports: PriceImports) -> None:
    own = desk.platform.models.pricing.own
    own.write_text(HEAD + "lab,old,soon,1,,1,\n")
    with pytest.raises(Refused, match=r"correct it first. prices.csv, line 2: valid_from is 'soon'"):
        imports.load(HEAD + "lab,a,2026-01-01,1,,1,\n", by=TRADER)
    assert "lab,old,soon" in own.read_text()


def test_without_an_import_there_is_nothing_to_take_back(imports: PriceImports) -> None:
    with pytest.raises(Refused, match="No prices were imported yet"):
        imports.undo(by=TRADER)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first line must name the columns"),
        (HEAD, "holds no prices"),
        (HEAD + "lab,a,2026-01-01,1,,1,\nlab,b,soon,1,,1,\nlab,c,2026-01-01,-1,,1,", "line 3: valid_from is 'soon'"),
        (HEAD + "lab,a,2026-01-01,1,,NaN,", "line 2: output is 'NaN'"),
        (HEAD + "lab,a,2026-01-01,1,,1,\nlab,a,2026-01-01,2,,1,", "lab's a of 2026-01-01 stands there twice"),
        (HEAD + "lab,a,2026-01-01,1,,1,\n" * 60_000, "1,000,000 at most"),
        ("a;b\n1;2", "provider is missing"),
        (HEAD + "l,m,x,1,,1,\n" * 40, "and 20 more"),
    ],
    ids=range(8),
)
def test_a_file_with_a_fault_changes_nothing(desk: Desk, imports: PriceImports, text: str, sentence: str) -> None:
    imports.load(HEAD + "lab,old,2026-01-01,1,,1,\n", by=TRADER)
    before = desk.platform.models.pricing.own.read_bytes()
    with pytest.raises(PlatformError) as refused:
        imports.load(text, by=TRADER)
    assert sentence in str(refused.value)
    assert desk.platform.models.pricing.own.read_bytes() == before
    assert price(desk, "old") == 1


def test_a_cell_with_commas_quotes_and_a_mark_of_its_encoding_is_kept(desk: Desk, imports: PriceImports) -> None:
    imports.load("\ufeff" + HEAD + 'lab,a,2026-01-01,1,,1,"our ""own"", 价格"\n', by=TRADER)
    imports.load(HEAD + "lab,b,2026-01-01,1,,1,\n", by=TRADER)
    (found,) = [one for one in desk.platform.models.pricing.table().prices if one.model == "a" and one.own]
    assert found.source == 'our "own", 价格'


@pytest.mark.parametrize(
    ("dialect", "base_url", "line", "known"),
    [
        (None, "https://api.deepseek.com/v1", "deepseek", True),
        ("vllm", "http://127.0.0.1:9/v1", "vllm", True),
        ("openai", "http://127.0.0.1:9/v1", "openai", False),
        (None, "http://127.0.0.1:9/v1", "deepseek", False),
    ],
)
def test_own_prices_may_name_a_dialect_instead_of_a_provider(
    desk: Desk, imports: PriceImports, dialect: str | None, base_url: str, line: str, known: bool
) -> None:
    models = desk.platform.models
    given = {"quick_model": "m", "deep_model": "m", "base_url": base_url, "dialect": dialect}
    models.providers.create("mine", ProviderKind.OPENAI, by=TRADER, **given)
    imports.load(f"{HEAD}{line},m,2010-01-01,7,,7,\n", by=TRADER)
    assert (models.calls.price_of("mine", "m") is not None) is known
    imports.load(f"{HEAD}mine,m,2010-01-01,8,,8,\n", by=TRADER)
    found = models.calls.price_of("mine", "m")
    assert found is not None
    assert found.input == 8, "the provider's own name goes first"
