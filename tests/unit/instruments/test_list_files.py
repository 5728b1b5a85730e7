"""List files: exports of brokers and spreadsheets are read where unambiguous, and asked about where not."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.symbols import is_symbol, symbol_of
from ba2_trade_platform.core.instruments.csv_files import INSTRUMENT_COLUMNS, WATCHLIST_COLUMNS, written
from ba2_trade_platform.core.instruments.list_files import Listed, ListFile, read_list
from ba2_trade_platform.core.instruments.list_rows import security_number
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult
from ba2_trade_platform.core.instruments.symbol_spellings import spellings
from tests.unit.instruments.brokers_files import FORMS, REFUSED, Form


def read(text: str | bytes, column: str | None = None, *, doubtful: bool = False) -> Listed:
    """Read a list that goes into one watchlist."""
    file = ListFile(text, column=column, doubtful=doubtful)
    return read_list(file, WATCHLIST_COLUMNS, ("symbol",), preview=True, plain=True)


def found(listed: Listed, fate: ImportResult | None) -> list[str]:
    """Return the symbols of a fate, or what stood in their place."""
    return [one.symbol or one.text for _, one in listed.given if one.fate is fate]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_brokers_file_gives_its_positions_and_nothing_else(form: Form, encoding: str) -> None:
    text = form.text.removeprefix("\ufeff") if encoding != "utf-8" else form.text
    listed = read(text.encode(encoding))
    assert tuple(found(listed, None)) == form.symbols
    assert tuple(found(listed, ImportResult.PASSED)) == form.passed
    assert tuple(found(listed, ImportResult.ASKED)) == form.asked
    assert all(one.reason for _, one in listed.given if one.fate)


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.asked])
def test_what_is_asked_for_is_taken_when_the_trader_says_so(name: str) -> None:
    form = FORMS[name]
    listed = read(form.text, doubtful=True)
    assert found(listed, ImportResult.ASKED) == []
    assert set(form.asked) <= set(found(listed, None))


@pytest.mark.parametrize(("text", "sentence"), REFUSED.items())
def test_a_file_that_names_no_symbols_is_asked_about(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read(text)


@pytest.mark.parametrize(
    ("text", "column", "symbols"),
    [
        ("Code,Company\nAAPL,Apple\n", "code", ["AAPL"]),
        ("Code,Company\nAAPL,Apple\n", "1", ["AAPL"]),
        ("AAPL,Apple\nMSFT,Microsoft\n", "1", ["AAPL", "MSFT"]),
        ("Symbol,Ticker\nApple,AAPL\n", "ticker", ["AAPL"]),
        ("1;Apple;AAPL\n2;IBM;IBM\n", "3", ["AAPL", "IBM"]),
    ],
)
def test_the_column_of_the_symbols_can_be_chosen(text: str, column: str, symbols: list[str]) -> None:
    assert found(read(text, column), None) == symbols


def test_a_column_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(Invalid, match="None of the first 20 lines has a column nope: Symbol, Name") as refused:
        read("Symbol,Name\nA,B\n", "nope")
    assert refused.value.details["columns"] == ["Symbol", "Name"]


def test_it_is_said_what_was_read() -> None:
    assert read(b"x\nSymbol;Ticker;Px\nA;B;1\n").reading.sentence == (
        "Read as utf-8. Line 2 names the columns, parted by semicolons; Symbol is read, not Ticker."
    )


def test_a_brokers_words_are_not_kept_as_an_instruments() -> None:
    form = FORMS["fidelity"].text
    listed = read_list(form, INSTRUMENT_COLUMNS, ("symbol",), preview=True)
    cells = next(line.cells for line, one in listed.given if one.fate is None)
    assert (cells["name"], "type" in cells, listed.is_ours) == ("APPLE INC", False, False)


@pytest.mark.parametrize(
    ("text", "exchange", "wanted"),
    [
        ("NASDAQ:AAPL", "", ("AAPL", "NASDAQ:AAPL")),
        ("LSE:VOD", "", ("VOD.L", "LSE:VOD")),
        ("vod", "lse", ("VOD.L", "VOD")),
        ("VOD.L", "LSE", ("VOD.L",)),
        ("HKEX:700", "", ("0700.HK", "HKEX:700")),
        ("TSE:SHOP", "", ("SHOP.TO", "TSE:SHOP")),
        ("TSE:7203", "", ("7203.T", "TSE:7203")),
        ("BINANCE:BTCUSDT", "", ("BINANCE:BTCUSDT",)),
        ("EURONEXT:ASML", "", ("EURONEXT:ASML",)),
        ("NSE:M&M", "", ("M&M.NS", "NSE:M&M")),
        ("NYSE:BRK B", "", ("BRK.B", "BRK-B", "BRK/B")),
        ("AAPL.US", "", ("AAPL", "AAPL.US")),
        ("BTC-USD", "", ("BTC-USD",)),
        ("$TSLA", "", ("TSLA",)),
        ("BRK/B", "NYSE", ("BRK/B", "BRK.B", "BRK-B")),
        ("no way", "", ()),
        ("SPAXX**", "", ()),
    ],
)
def test_a_cell_means_these_symbols(text: str, exchange: str, wanted: tuple[str, ...]) -> None:
    assert spellings(text, exchange) == wanted


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("US0378331005", "an ISIN"),
        ("GB00BH4HKS39", "an ISIN"),
        ("US0378331006", None),
        ("594918104", None),
        ("912828YK0", "a CUSIP"),
        ("BTCUSDT", None),
        ("AAPL", None),
    ],
)
def test_numbers_of_securities_are_told_by_their_check_digit(text: str, number: str | None) -> None:
    assert security_number(text) == number


def test_the_sentence_names_the_column_of_the_first_table() -> None:
    text = "Account,Name,Symbol,Price\n1,Total stock,VTI,9\n\nAccount,Day,Settled,Type,Symbol\n1,x,y,Buy,MSFT\n"
    listed = read(text)
    assert found(listed, None) == ["VTI", "MSFT"]
    assert listed.reading.sentence.endswith("; Symbol is read.")


def test_texts_of_a_spreadsheet_are_read_in_our_own_columns_too() -> None:
    assert found(read('Symbol\n="0700.HK"\n"=""PEP"""\n'), None) == ["0700.HK", "PEP"]


@pytest.mark.parametrize(
    ("text", "whose"), [("Symbol\nUS0378331005\n", ""), ("Symbol,Name\nUS0378331005,Apple\n", " of Apple")]
)
def test_an_isin_says_what_to_do(text: str, whose: str) -> None:
    (line,) = read(text).given
    assert line[1].reason == (
        f"US0378331005 is an ISIN, no symbol: look up the symbol{whose} and write it in its place"
    )


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("\u0410APL", "U+0410, CYRILLIC CAPITAL LETTER A"),
        ("MSF\u03a4", "U+03A4, GREEK CAPITAL LETTER TAU"),
        ("G\u202eOOG", "U+202E, RIGHT-TO-LEFT OVERRIDE"),
    ],
)
def test_a_letter_that_only_looks_right_is_named(text: str, letter: str) -> None:
    with pytest.raises(Invalid) as caught:
        symbol_of(text)
    assert str(caught.value).endswith(f"; one of its letters is {letter}")


TEXT = st.text(st.sampled_from("Aa1,;\t|\"'\n\r =#.-:/\u00e9\u200b$*"), max_size=120)
CELLS = st.sampled_from(
    ["Symbol", "Ticker", "Name", "AAPL", "BRK B", "USD", "Total", "--", "", "sep=;", "###A", "LSE:VOD", "1,5"]
)
GRID = st.lists(st.lists(CELLS, max_size=5), max_size=8)


@given(
    TEXT | GRID.map(lambda rows: "\n".join(",".join(row) for row in rows)), st.none() | st.sampled_from(["1", "name"])
)
@example("sep=\n", None)
@example("\n\n\n", "1")
def test_any_text_is_answered_line_by_line_or_refused_with_a_sentence(text: str, column: str | None) -> None:
    for known, plain in ((WATCHLIST_COLUMNS, True), (INSTRUMENT_COLUMNS, False)):
        try:
            listed = read_list(ListFile(text, column=column), known, ("symbol",), preview=False, plain=plain)
        except Invalid as refused:
            listed, sentence = None, str(refused)
        assert listed or sentence
        for _, one in listed.given if listed else ():
            assert one.symbol is None or is_symbol(one.symbol)
            assert one.symbol or one.reason


@given(
    st.lists(
        st.sampled_from([symbol for form in FORMS.values() for symbol in form.symbols] + ["NIFTY_50", "^GSPC"]),
        min_size=1,
    )
)
def test_what_is_read_and_written_again_is_the_same(symbols: list[str]) -> None:
    once = found(read(written(WATCHLIST_COLUMNS, [("Mine", symbol) for symbol in symbols])), None)
    again = found(read(written(WATCHLIST_COLUMNS, [("Mine", symbol) for symbol in once])), None)
    assert len(once) == len(symbols) - sum(symbol in ("USD", "CASH", "ALL") for symbol in symbols)
    assert again == once
