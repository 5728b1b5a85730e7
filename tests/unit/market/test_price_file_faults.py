"""Price files that are not simply read: refused with the cause, mended with a word, and never by the future."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from tests.unit.market.quiet_prices import HEAD, NOW, folder, refusal, rows, text

BAR = "10,12,9,11,100"
WEEKS = [date(2014, 1, 3) + timedelta(days=7 * week) for week in range(8)]
AMBIGUOUS = "write dmy or mdy into the column dates of instruments.csv, in this symbol's row"
BELOW = ": only a future may trade below, named as such by =F or by its calendar in instruments.csv"
MARK = "write . or , into the column decimal of instruments.csv, in this symbol's row"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            text(f"03/04/2024,{BAR}", f"04/04/2024,{BAR}"),
            f"ACME.csv, line 2: date 03/04/2024 is 3 April 2024 or 4 March 2024, and no row decides: {AMBIGUOUS}",
        ),
        (
            text(f"1-2-2024,{BAR}", f"2-2-2024,{BAR}"),
            f"ACME.csv, line 2: date 01-02-2024 is 1 February 2024 or 2 January 2024, and no row decides: {AMBIGUOUS}",
        ),
        (
            text(f"13/04/2014,{BAR}", f"04/14/2014,{BAR}"),
            "ACME.csv, line 3: date has the day in another place than the rows before it",
        ),
        (
            text(f"03/04/24,{BAR}"),
            "ACME.csv, line 2: date '03/04/24' has a year of two digits, which may be a day: save it with four",
        ),
        (
            text(f"41795,{BAR}"),
            "ACME.csv, line 2: date '41795' is a spreadsheet's number of a day: save the column as dates, YYYY-MM-DD",
        ),
        (
            "date;open;high;low;close\n2014-06-05;1,234;1,235;1,233;1,234\n",
            f"ACME.csv: '1,234' is 1234 or 1.234, and no row decides: {MARK}",
        ),
        (
            "date;open;high;low;close\n2014-06-05;1.234;1.235;1.233;1.234\n",
            f"ACME.csv: '1.234' is 1234 or 1.234, and no row decides: {MARK}",
        ),
        (
            text('2014-06-05,"1,234.50","1.235,00","1,000.00","1,234.50",5'),
            f"ACME.csv: '1,234.50' has a decimal point and '1.235,00' a decimal comma: {MARK}",
        ),
        (
            text("2014-06-05,10,50,12,25,9,75,11,25,100"),
            "ACME.csv, line 2: 10 cells where the header names 6: its decimal commas part the cells; part the columns "
            "by semicolons, or quote the numbers",
        ),
        (text(*(f"{day},{BAR}" for day in WEEKS)), "ACME.csv holds weekly bars, 7 days apart: daily ones are needed"),
        (
            text(*(f"2013-{month:02}-01,{BAR}" for month in range(1, 13))),
            "ACME.csv holds monthly bars, 31 days apart: daily ones are needed",
        ),
        (
            text(*(f"2014-06-0{day} {hour:02}:30:00,{BAR}" for day in (5, 6) for hour in range(10, 16))),
            "ACME.csv holds hourly (1 h) bars: daily ones are needed",
        ),
        (
            text(*(f"2014-06-05T14:{minute:02}:00Z,{BAR}" for minute in range(0, 50, 5))),
            "ACME.csv holds intraday (5 min) bars: daily ones are needed",
        ),
        (
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\nACME,60,20140605,100000,10,12,9,11,5\n",
            "ACME.csv, line 2: the period is '60': daily bars (D) are needed",
        ),
        (
            text(f"2014-06-05,{BAR},AAPL", f"2014-06-05,{BAR},MSFT", head=f"{HEAD},Name"),
            "ACME.csv holds 2 symbols (AAPL, MSFT), none of which is ACME: one file a symbol",
        ),
        (
            "Price,Close,Close,High,High\nTicker,AAPL,MSFT,AAPL,MSFT\nDate,,,,\n2014-06-05,1,2,1,2\n",
            "ACME.csv, line 1: it holds 2 symbols (AAPL, MSFT), none is ACME: one file a symbol",
        ),
        (
            f"2014-06-05,{BAR}\n2014-06-06,{BAR}\n",
            "ACME.csv, line 1: there is no header; a first line has to name the columns (date, open, high, low, close)",
        ),
        (
            "No data\n",
            "ACME.csv, line 1: it holds no prices but says 'No data': get them anew",
        ),
        (
            "1025.5\n",
            "ACME.csv, line 1: '1025.5' is no row of a table; cells are parted by commas, semicolons, tabs or bars",
        ),
        ("<!DOCTYPE html><html>Sign in</html>", "ACME.csv is a web page and no price file: get the prices anew"),
        (
            '{"Information": "25 requests a day"}',
            "ACME.csv is JSON and no table (25 requests a day): get the prices as CSV",
        ),
        ("PK\x03\x04rest", "ACME.csv is a zip archive or an Excel workbook: save its sheet as CSV"),
        (text("2014-06-05,null,null,null,null,null"), "ACME.csv, line 2: no row has a price"),
        (text("2014-06-05,-1,12,-9,11,100"), f"ACME.csv, line 2: open must be above zero{BELOW}"),
    ],
)
def test_a_refusal_names_the_cause(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "ACME.csv").write_text(content)
    assert refusal(tmp_path) == sentence


@pytest.mark.parametrize(
    ("reading", "content", "expected"),
    [
        ("dates\nACME,dmy", text(f"05/06/2014,{BAR}", f"06/06/2014,{BAR}"), (date(2014, 6, 6), 11.0)),
        ("dates\nACME,mdy", text(f"06/05/2014,{BAR}", f"06/06/2014,{BAR}"), (date(2014, 6, 6), 11.0)),
        (
            'decimal\nACME,","',
            "date;open;high;low;close\n2014-06-06;1,234;1,235;1,233;1,234\n",
            (date(2014, 6, 6), 1.234),
        ),
        (
            "decimal\nACME,.",
            "date;open;high;low;close\n2014-06-06;1,234;1,235;1,233;1,234\n",
            (date(2014, 6, 6), 1234.0),
        ),
    ],
)
def test_a_line_of_instruments_decides_what_rows_cannot(
    tmp_path: Path, reading: str, content: str, expected: tuple[date, float]
) -> None:
    (tmp_path / "ACME.csv").write_text(content)
    (tmp_path / "instruments.csv").write_text(f"symbol,{reading}\n")
    bars = folder(tmp_path).bars("ACME", NOW)
    assert (bars.sessions[-1], bars.close[-1]) == expected


def test_an_order_that_the_rows_contradict_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_text(text(f"06/13/2014,{BAR}"))
    (tmp_path / "instruments.csv").write_text("symbol,dates\nACME,dmy\n")
    assert refusal(tmp_path) == "ACME.csv, line 2: date cannot have the day before month, as instruments.csv says"


def test_the_newest_bar_twice_is_one_and_another_one_is_told(tmp_path: Path) -> None:
    lines = rows(5)
    (tmp_path / "ACME.csv").write_text(text(*lines, lines[-1]))
    assert (len(folder(tmp_path).bars("ACME", NOW)), folder(tmp_path).bars("ACME", NOW).warnings) == (5, ())
    later = lines[-1].rsplit(",", 2)[0] + ",100.50,77"
    for content in (text(*lines, later), text(later, *lines[::-1])):
        (tmp_path / "ACME.csv").write_text(content)
        bars = folder(tmp_path).bars("ACME", NOW)
        assert (len(bars), bars.close[-1], bars.volume[-1]) == (5, 100.5, 77)
        assert "has two bars of 2014-12-31" in bars.warnings[0]
        eve = folder(tmp_path).bars("ACME", NOW - timedelta(seconds=1))
        assert (eve.warnings, eve.close[-1]) == ((), 101.0)


def test_a_bar_of_the_session_under_way_beside_the_days_own_is_the_newest(tmp_path: Path) -> None:
    stamped = [
        "2014-06-05 00:00:00-04:00,10,12,9,11,5",
        "2014-06-06 00:00:00-04:00,10,12,9,11,5",
        "2014-06-06 15:59:59-04:00,10,12,9,11.5,6",
    ]
    (tmp_path / "ACME.csv").write_text(text(*stamped))
    bars = folder(tmp_path).bars("ACME", NOW)
    assert (bars.sessions, bars.close[-1]) == ((date(2014, 6, 5), date(2014, 6, 6)), 11.5)
    assert "has two bars of 2014-06-06 (lines 3 and 4); the later one is used" in bars.warnings[0]


def test_a_future_below_zero_is_read_and_refused_to_experts_while_it_is_among_their_bars(tmp_path: Path) -> None:
    lines = rows(320)
    lines[10] = f"{lines[10][:10]},17.73,17.85,-40.32,-37.63,247947"
    (tmp_path / "CL=F.csv").write_text(text(*lines))
    bars = folder(tmp_path).bars("CL=F", NOW)
    assert bars.close[10] == -37.63
    with pytest.raises(ExpertError, match=r"CL=F traded at -40.32 on 2013-10-\d\d: no percentage is true across"):
        bars.require()
    assert folder(tmp_path).bars("CL=F", NOW, 305).require().close[0] > 0


def test_a_file_about_another_symbol_is_told(tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_text(text(*(f"{line},MSFT" for line in rows(5)), head=f"{HEAD},Ticker"))
    assert folder(tmp_path).bars("ACME", NOW).warnings == (
        "ACME: ACME.csv says of itself that it is about MSFT, and is read as ACME",
    )
    (tmp_path / "ACME.csv").write_text(text(*(f"{line},ACME.US" for line in rows(5)), head=f"{HEAD},Ticker"))
    assert folder(tmp_path).bars("ACME", NOW).warnings == ()


def test_nothing_after_as_of_changes_what_it_sees(tmp_path: Path) -> None:
    """The split, the gap, the doubled bar and the units of later days are poison."""
    lines = rows()
    (tmp_path / "ACME.csv").write_text(text(*lines))
    prices = folder(tmp_path)
    as_of = prices.instant_of(date.fromisoformat(lines[40][:10]), "ACME")
    before = prices.bars("ACME", as_of)
    poison = [f"{line[:10]},1000,9000,0.5,1,{7 * at}" for at, line in enumerate(lines[41:], 1)]
    (tmp_path / "ACME.csv").write_text(text(*lines[:41], *poison, poison[-1][:-2] + "5"))
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\nACME,{lines[50][:10]},1000\n")
    (tmp_path / "instruments.csv").write_text("symbol,currency\nACME,GBP\n")
    seen = folder(tmp_path).bars("ACME", as_of)
    assert seen.close.tolist() == before.close.tolist()
    assert seen.volume.tolist() == before.volume.tolist()
    assert (seen.sessions, seen.warnings) == (before.sessions, before.warnings)


@pytest.mark.parametrize("encoding", ["cp1250", "gb18030", "shift_jis", "cp1251"])
def test_a_name_that_is_not_utf8_stops_its_own_symbol_only(tmp_path: Path, encoding: str) -> None:
    for symbol in ("ACME", "OTHER"):
        (tmp_path / f"{symbol}.csv").write_text(text(*rows(5)))
    name = {"cp1250": "Miedź", "gb18030": "贵州茅台", "shift_jis": "トヨタ", "cp1251": "Газпром"}[encoding]
    (tmp_path / "instruments.csv").write_bytes(f"symbol,name\nACME,{name}\nOTHER,Plain\n".encode(encoding))
    assert refusal(tmp_path) == "instruments.csv, line 2: name is not UTF-8; save the file as UTF-8"
    assert len(folder(tmp_path).bars("OTHER", NOW)) == 5
    assert [each.symbol for each in folder(tmp_path).instruments()] == ["ACME", "OTHER"]


def test_side_files_are_read_as_a_spreadsheet_of_europe_saves_them(tmp_path: Path) -> None:
    lines = [*rows(61)[:-20], *rows(61, 24.75)[-20:]]
    (tmp_path / "ACME.csv").write_text(text(*lines))
    day = date.fromisoformat(lines[41][:10])
    split = f"sep=;\r\nsymbol;date;ratio\r\nACME;{day:%d.%m.%Y};0,25\r\n"
    (tmp_path / "splits.csv").write_bytes(split.encode("utf-16"))
    assert folder(tmp_path).bars("ACME", NOW).close[40] == pytest.approx(99 / 4)
