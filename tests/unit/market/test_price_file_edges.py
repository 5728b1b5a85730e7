"""Edges of price files: notes and marks around the bars, and cells as other countries write them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.price_file import PriceFile, read_price_file
from tests.unit.market.quiet_prices import HEAD, refusal, rows, text

BAR = "10,12,9,11,100"
DAYS = [date(2014, 6, 5), date(2014, 6, 6), date(2014, 6, 9)]


def read(tmp_path: Path, content: str | bytes) -> PriceFile:
    path = tmp_path / "ACME.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_price_file(path, session_calendar("XNYS"), "ACME")


@pytest.mark.parametrize(
    ("below", "told"),
    [
        ("Total,,,,,300\n", "line 12: 'Total' below the bars"),
        ("Average,10.5,12,9,11,100\n", "line 12: 'Average' below the bars"),
        ("\nSource: the exchange.\nAll rights reserved, 2014\n", "line 13: 'Source: the exchange.' below the bars"),
        (f"{HEAD}\n", "line 12: the header stands there again"),
        (f"date,open,high,low,close,volume,\n{rows()[-1]}\n", "line 12: the header stands there again"),
    ],
)
def test_what_stands_below_the_bars_is_told_and_none_of_them(tmp_path: Path, below: str, told: str) -> None:
    file = read(tmp_path, text(*rows(10)) + below)
    assert len(file.bars.days) == 10
    assert told in file.repaired


def test_a_text_closed_as_dos_does_is_whole_and_one_with_zero_bytes_is_not(tmp_path: Path) -> None:
    assert len(read(tmp_path, text(*rows(10)) + "\x1a").bars.days) == 10
    (tmp_path / "ACME.csv").write_text(text(*rows(10)) + "\0\0\0\0")
    assert refusal(tmp_path) == (
        "ACME.csv, line 12: zero bytes stand in the text, as where writing was cut off: get it anew"
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_letters_without_a_mark_are_told_by_their_zeros(tmp_path: Path, encoding: str) -> None:
    file = read(tmp_path, text(*rows(10)).encode(encoding))
    assert len(file.bars.days) == 10
    assert file.form.endswith(f"{encoding[:6].upper()} without its mark")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "日期,开盘,收盘,最高,最低\n2014-06-05,1,1,1,1\n".encode("gb18030"),
            "line 1: the names of its columns are not UTF-8; save the file as UTF-8",
        ),
        (
            "Datum;Eröffnung;Hoch;Tief;Schluss\n05.06.2014;1;1;1;1\n".encode("cp1252"),
            "line 1: the names of its columns are not UTF-8; save the file as UTF-8",
        ),
        (
            b"Exceeded the daily hits limit\n",
            "line 1: it holds no prices but says 'Exceeded the daily hits limit': get them anew",
        ),
        (
            b'"Date,Open,High,Low,Close"\n"2014-06-05,1,1,1,1"\n',
            "line 1: each line stands in quotes as a whole, which makes it one cell: save the file without them",
        ),
        (
            b"Date Open High Low Close\n2014-06-05 1 1 1 1\n",
            "line 1: its cells are parted by blanks: part them by commas, semicolons, tabs or bars",
        ),
        (
            text(f"1.40194E+12,{BAR}").encode(),
            "line 2: date '1.40194E+12' was rounded by a spreadsheet, which has lost the day: get the file anew, or "
            "save it as text",
        ),
        (
            text(*rows(10), *rows(10)).encode(),
            "line 12: the days begin again with 2014-12-17: two files were joined; keep one",
        ),
    ],
)
def test_a_file_that_was_spoilt_on_its_way_is_refused_with_how(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "ACME.csv").write_bytes(content)
    assert refusal(tmp_path) == f"ACME.csv, {sentence}"


@pytest.mark.parametrize("bar", [BAR, "10,12,9,{0},100"])
def test_several_bars_a_day_without_a_time_are_no_daily_ones(tmp_path: Path, bar: str) -> None:
    hours = [f"{day},{bar.format(9 + hour / 10)}" for day in DAYS for hour in range(7)]
    (tmp_path / "ACME.csv").write_text(text(*hours))
    assert refusal(tmp_path) == (
        "ACME.csv holds 7 bars a day, such as those of 2014-06-05: daily ones are needed, one a day"
    )


def test_many_equal_rows_are_told_in_few_words(tmp_path: Path) -> None:
    twice = [row for row in rows(20) for _ in range(2)]
    file = read(tmp_path, text(*twice))
    assert len(file.bars.days) == 20
    assert file.repaired[3:] == ("17 more days twice and equal: once",)


@pytest.mark.parametrize("nothing", ["", "-", "N/A", "NaN", "null", "#N/A"])
def test_a_volume_that_no_row_has_is_none(tmp_path: Path, nothing: str) -> None:
    file = read(tmp_path, text(*(f"{day},10,12,9,11,{nothing}" for day in DAYS)))
    assert (file.has_volume, file.repaired) == (False, ("no volume",))
    some = read(tmp_path, text(f"{DAYS[0]},10,12,9,11,{nothing}", f"{DAYS[1]},{BAR}"))
    assert (some.has_volume, some.bars.volume.tolist()) == (True, [0, 100])


@pytest.mark.parametrize(
    "written",
    [
        ("5. Juni 2014", "6. Juni 2014", "9. Juni 2014"),
        ("05. Jun. 2014", "06. Jun. 2014", "09. Jun. 2014"),
        ("5 juin 2014", "6 juin 2014", "9 juin 2014"),
        ("5 de junio de 2014", "6 de junio de 2014", "9 de junio de 2014"),
        ("5 giugno 2014", "6 giugno 2014", "9 giugno 2014"),
        ("2014年6月5日", "2014年6月6日", "2014年06月09日"),
        ("2014년 6월 5일", "2014년 6월 6일", "2014년 6월 9일"),
        ("Jun-05-2014", "Jun-06-2014", "Jun-09-2014"),
        ("Thu Jun 05 00:00:00 EDT 2014", "Fri Jun 06 00:00:00 EDT 2014", "Mon Jun 09 00:00:00 EDT 2014"),
    ],
)
def test_days_in_words_of_other_countries_are_read(tmp_path: Path, written: tuple[str, ...]) -> None:
    assert read(tmp_path, text(*(f"{day},{BAR}" for day in written))).bars.days.tolist() == DAYS


@pytest.mark.parametrize(
    ("month", "number"),
    [("Mär", 3), ("März", 3), ("février", 2), ("août", 8), ("maart", 3), ("mrt", 3), ("września", 9), ("paź", 10)],
)
def test_months_with_other_letters_are_read(tmp_path: Path, month: str, number: int) -> None:
    assert read(tmp_path, text(f"14 {month} 2014,{BAR}")).bars.days.tolist() == [date(2014, number, 14)]


@pytest.mark.parametrize(
    ("volume", "shares"),
    [("1.2M", 1.2e6), ("1.2 Mio.", 1.2e6), ("3 Tsd.", 3000), ("2.5L", 2.5e5), ("0.12 Cr", 1.2e6), ("120万", 1.2e6)],
)
def test_volumes_are_read_in_the_units_of_their_country(tmp_path: Path, volume: str, shares: float) -> None:
    assert read(tmp_path, text(f"2014-06-05,10,12,9,11,{volume}")).bars.volume.tolist() == [shares]


def test_shares_are_the_volume_where_money_is_called_so_too(tmp_path: Path) -> None:
    head = "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen"
    file = read(tmp_path, f"{head}\n2014-06-05;10,25;12,5;9;11;100;1.100\n2014-06-06;10,25;12,5;9;11;300;3.300\n")
    assert (file.form, file.bars.volume.tolist()) == ("ARIVA.DE, parted by semicolons", [100, 300])
