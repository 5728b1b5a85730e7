"""The reader of prices on noise: a sentence or the bars, and the same bars in every way of writing them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.price_file import read_price_file

CALENDAR = session_calendar("XNYS")
DAYS = CALENDAR.days[(CALENDAR.days >= np.datetime64("2013-01-01")) & (CALENDAR.days < np.datetime64("2014-01-01"))]
QUIET = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = [
    "date", "Date", "time", "Open", "High", "Low", "Close", "Volume", "Price", "Ticker", "Adj Close", "<DATE>", "sep=;",
    "2014-06-05", "03/04/2024",
    "1402000000",
    "1,234.5", "1.234,5", "$1", "1.2M", "-", "null", "nan", "1e999", "-0", '"', '""', "\x00", "é", "\ud800",
    "", " ", "٣", "1_0", "inf",
]  # fmt: skip
NOISE = st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=12)


@st.composite
def bars(draw: st.DrawFn) -> list[tuple[date, list[float], int]]:
    """Return up to forty bars of sessions in a row, with prices of a thousand or so in hundredths."""
    start, count = draw(st.integers(0, 200)), draw(st.integers(15, 40))
    made = []
    for day in DAYS[start : start + count]:
        low = draw(st.integers(1, 500_000))
        high = low + draw(st.integers(0, 5_000))
        inside = [draw(st.integers(low, high)) / 100 for _ in range(2)]
        made.append((day.item(), [inside[0], high / 100, low / 100, inside[1]], draw(st.integers(0, 10**9))))
    return made


def point(value: float) -> str:
    return f"{value:.2f}"


def comma(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def english(value: float) -> str:
    return f"{value:,.2f}"


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


@QUIET
@given(
    made=bars(),
    sep=st.sampled_from([",", ";", "\t", "|"]),
    number=st.sampled_from([point, comma, english, german]),
    day=st.sampled_from(
        ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%b %d, %Y", "%d-%b-%Y", "%Y/%m/%d"]
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    newest_first=st.booleans(),
    titles=st.lists(st.sampled_from(["Acme Corporation", "Prices in USD", ""]), max_size=3),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_bars_written_in_any_way_are_the_same_bars(
    tmp_path: Path, made: list[tuple[date, list[float], int]], sep: str, number: object, day: str, encoding: str,
    newest_first: bool, titles: list[str], end: str,
) -> None:  # fmt: skip
    def row(bar: tuple[date, list[float], int]) -> str:
        return sep.join(f'"{cell}"' for cell in [bar[0].strftime(day), *map(number, bar[1]), str(bar[2])])  # type: ignore[arg-type]

    head = sep.join(["Date", "Open", "High", "Low", "Close", "Volume"])
    path = tmp_path / "ACME.csv"
    path.write_bytes(
        (end.join([*titles, head, *map(row, made[::-1] if newest_first else made)]) + end).encode(encoding)
    )
    try:
        read = read_price_file(path, CALENDAR, "ACME").bars
    except BadFile as refused:
        if "no row decides" not in str(refused):
            raise
        return
    assert read.days.tolist() == [bar[0] for bar in made]
    assert np.column_stack([read.open, read.high, read.low, read.close]).tolist() == [bar[1] for bar in made]
    assert read.volume.tolist() == [bar[2] for bar in made]


def read_or_refuse(path: Path) -> None:
    """Read a file; anything but bars that can be true or a sentence is a fault."""
    try:
        file = read_price_file(path, CALENDAR, "ACME")
    except BadFile as refused:
        if not str(refused).startswith("ACME.csv"):
            raise
        return
    days = file.bars.days.astype(np.int64)
    assert (np.diff(days) > 0).all()
    assert (file.bars.low > 0).all()
    assert (file.bars.low <= file.bars.high).all()


@QUIET
@given(content=st.binary(max_size=400))
def test_random_bytes_are_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ACME.csv"
    path.write_bytes(content)
    read_or_refuse(path)


@QUIET
@given(lines=NOISE, sep=st.sampled_from([",", ";", "\t", "|"]))
def test_words_of_price_files_in_any_order_are_a_sentence_or_bars(
    tmp_path: Path, lines: list[list[str]], sep: str
) -> None:
    path = tmp_path / "ACME.csv"
    path.write_bytes("\n".join(map(sep.join, lines)).encode("utf-8", "surrogatepass"))
    read_or_refuse(path)


@QUIET
@given(lines=NOISE, at=st.integers(0, 3), sep=st.sampled_from([",", ";"]))
def test_rows_of_noise_below_a_header_are_a_sentence_or_bars(
    tmp_path: Path, lines: list[list[str]], at: int, sep: str
) -> None:
    head = sep.join(["Date", "Open", "High", "Low", "Close", "Volume"])
    good = [sep.join([str(day), "10", "12", "9", "11", "5"]) for day in DAYS[:3]]
    noise = [sep.join((line + [""] * 6)[:6]) for line in lines]
    path = tmp_path / "ACME.csv"
    path.write_bytes("\n".join([head, *good[:at], *noise, *good[at:]]).encode("utf-8", "surrogatepass"))
    read_or_refuse(path)


@pytest.mark.parametrize("content", [b"\x00" * 5000, b"," * 200_000, b'"' * 9999, b"\xff\xfe\x00", b"a,b\n" * 50_000])
def test_heaps_of_nothing_are_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ACME.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"^ACME\.csv"):
        read_price_file(path, CALENDAR, "ACME")
