"""CSV files of watchlists: every spreadsheet's dialect is read, or refused with a sentence."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.text_encodings import decoded
from ba2_trade_platform.core.instruments.csv_files import (
    INSTRUMENT_COLUMNS,
    MOST_LINES,
    WATCHLIST_COLUMNS,
    read_file,
    written,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40).map(str.strip)
ROWS = st.lists(st.tuples(TEXTS.filter(bool), TEXTS), max_size=8)


def lines_of(text: str, columns: tuple[str, ...] = WATCHLIST_COLUMNS) -> list[tuple[int, dict[str, str], str]]:
    """Return what is read, line by line."""
    return [(line.number, line.cells, line.problem) for line in read_file(text, columns, ("symbol",)).lines]


@pytest.mark.parametrize(
    "text",
    [
        "symbol,watchlist\nAAPL,Tech\n",
        "watchlist;symbol\r\nTech;AAPL\r\n",
        "\ufeff Watchlist \tTICKER\nTech\t AAPL \n\n",
        '"list","Symbol","Note"\n"Tech","AAPL","x"',
    ],
)
def test_columns_are_found_by_name_whatever_parts_them(text: str) -> None:
    ((_, cells, problem),) = lines_of(text)
    assert (cells["watchlist"], cells["symbol"], problem) == ("Tech", "AAPL", "")


def test_columns_that_mean_nothing_are_named() -> None:
    assert read_file("symbol,price\nAAPL,3", INSTRUMENT_COLUMNS, ("symbol",)).ignored == ("price",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty: its first line names the columns watchlist, symbol"),
        ("AAPL\nMSFT\n", "None of the first 20 lines names a column symbol or ticker; line 1 has AAPL: choose"),
        ("symbol,symbol\nA,B\n", "The column symbol stands twice in its line"),
        ("symbol\n" + "A\n" * (MOST_LINES + 1), "The file has more than 20,000 lines: part it"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read_file(text, WATCHLIST_COLUMNS, ("symbol",))


def test_a_line_with_too_many_cells_is_answered_and_the_others_are_read() -> None:
    found = lines_of("symbol\nAAPL\nMSFT,more\nIBM")
    assert [(number, problem) for number, _, problem in found] == [
        (2, ""),
        (3, "has 2 cells, the headings are 1"),
        (4, ""),
    ]


@given(ROWS)
def test_what_is_written_is_read_again_as_it_was(rows: list[tuple[str, str]]) -> None:
    read = read_file(written(WATCHLIST_COLUMNS, rows), WATCHLIST_COLUMNS, WATCHLIST_COLUMNS)
    assert [(line.cells["watchlist"], line.cells["symbol"]) for line in read.lines] == rows


@given(ROWS)
def test_no_cell_that_is_written_is_a_formula(rows: list[tuple[str, str]]) -> None:
    text = written(WATCHLIST_COLUMNS, rows).removeprefix("\ufeff")
    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@given(st.lists(st.text(st.sampled_from("x;,\t\r\n \"'=+-@\uff1d"), max_size=12).map(str.strip), max_size=4))
@example(['x;=1+1";=HYPERLINK("a")', 'a, "=1', "two\n-3", "''=4", ";'=5", "x;\t'=6"])
def test_no_part_of_a_cell_is_a_formula_where_others_part_it(texts: list[str]) -> None:
    rows = [(f"x{text}", text) for text in texts]
    text = written(WATCHLIST_COLUMNS, rows)
    for between in ";\t,":
        for part in re.split(rf"[\r\n{between}]", text.removeprefix("\ufeff")):
            assert not part.strip(' "\t').startswith(("=", "+", "-", "@", "\uff1d"))
    read = read_file(text, WATCHLIST_COLUMNS, WATCHLIST_COLUMNS)
    assert [(line.cells["watchlist"], line.cells["symbol"]) for line in read.lines] == rows


@pytest.mark.parametrize("piece", ["\n", "; ", "'", '""', '\n""', ";'"])
def test_a_cell_of_nothing_but_separators_and_quotes_is_read_at_once(piece: str) -> None:
    text = f'symbol;watchlist\nA;"{piece * (100_000 // len(piece))}"'
    assert len(lines_of(text)) == 1


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"symbol;x\n{text}".encode("utf-8", "replace")))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        found = read_file(decoded(data).text, WATCHLIST_COLUMNS, ("symbol",))
    except Invalid:
        return
    assert all(line.problem or "symbol" in line.cells or not line.cells for line in found.lines)


@pytest.mark.parametrize("columns", [101, 700_000])
def test_a_first_line_of_too_many_columns_is_refused_at_once(columns: int) -> None:
    head = "symbol," + ",".join(str(number) for number in range(columns - 1))
    with pytest.raises(Invalid, match=f"names {columns:,} columns, 100 at most"):
        read_file(head, WATCHLIST_COLUMNS, ("symbol",))
