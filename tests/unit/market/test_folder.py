"""A folder of price files: each kind of bad file is answered with the file, the line and the reason."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars
import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import StandingClock

NOW = datetime(2014, 12, 31, 21, 0, tzinfo=UTC)
HEADER = "date,open,high,low,close,volume"
ROWS = ["2014-06-05,10,12,9,11,100", "2014-06-06,11,13,10,12,200", "2014-06-09,12,14,11,13,300"]
GOOD = "\n".join([HEADER, *ROWS]) + "\n"


def folder(path: Path) -> FolderPrices:
    return FolderPrices(path, StandingClock(NOW))


def lines(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def refusal(prices: FolderPrices, symbol: str) -> ExpertError:
    with pytest.raises(ExpertError) as caught:
        prices.bars(symbol, NOW)
    return caught.value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "BAD.csv, line 1: the file is empty"),
        ("\n\n", "BAD.csv, line 1: the file is empty"),
        (HEADER + "\n", "BAD.csv, line 2: the file has no rows below its header"),
        (
            "date,open,high,close,volume\n2014-06-05,10,12,11,100\n",
            "BAD.csv, line 1: the column low is missing (needed: date, open, high, low, close; "
            "there: date, open, high, close, volume)",
        ),
        (
            "symbol;open;high;low;close\nACME;10;12;9;11\n",
            "BAD.csv, line 1: the column date is missing (needed: date, open, high, low, close; "
            "there: symbol, open, high, low, close)",
        ),
        (f"{HEADER},Close\n", "BAD.csv, line 1: the column close is there twice"),
        (lines(ROWS[0], "2014-06-06,11,13,10,12"), "BAD.csv, line 3: 5 cells where the header names 6"),
        (lines(ROWS[0], "", "2014-06-06,11,13,10,n/a,200"), "BAD.csv, line 4: close 'n/a' is not a number"),
        (lines("2014-06-06,11,13,10,,200"), "BAD.csv, line 2: close (empty) is not a number"),
        (lines("2014-06-06,1_1,13,10,12,200"), "BAD.csv, line 2: open '1_1' is not a number"),
        (lines("2014-06-06,11,13,10,nan,200"), "BAD.csv, line 2: close nan is not a finite number"),
        (lines("2014-06-06,11,inf,10,12,200"), "BAD.csv, line 2: high inf is not a finite number"),
        (lines("2014-06-06,11,13,10,12,1e999"), "BAD.csv, line 2: volume inf is not a finite number"),
        (lines("6 of June,11,13,10,12,200"), "BAD.csv, line 2: date '6 of June' is not a date (YYYY-MM-DD)"),
        (lines("201406,11,13,10,12,200"), "BAD.csv, line 2: date '201406' is not a date (YYYY-MM-DD)"),
        (lines("2014-02-30,11,13,10,12,200"), "BAD.csv, line 2: date 2014-02-30 is no day of the calendar"),
        (
            lines(ROWS[0], ROWS[1], "2014-06-06,11,13,10,11,200", ROWS[2]),
            "BAD.csv, line 4: date 2014-06-06 is there twice, with other prices in line 3: keep one",
        ),
        (lines(ROWS[1], ROWS[0], ROWS[2]), "BAD.csv, line 3: date 2014-06-05 comes after 2014-06-06; sort by date"),
        (
            lines(ROWS[0], "2014-06-06,11,13,-10,12,200"),
            "BAD.csv, line 3: low must be above zero: only a future may trade below, named as such by =F or by its "
            "calendar in instruments.csv",
        ),
        (lines("2014-06-06,0,13,10,12,200"), "BAD.csv, line 2: open must be above zero"),
        (lines("2014-06-06,11,13,10,12,-1"), "BAD.csv, line 2: volume must not be negative"),
        (lines("2014-06-06,11,9,10,12,200"), "BAD.csv, line 2: high is below low"),
        (lines("2014-06-06,9,13,10,12,200"), "BAD.csv, line 2: open lies outside low to high"),
        (lines("2014-06-06,11,13,10,14,200"), "BAD.csv, line 2: close lies outside low to high"),
        (
            lines("2014-06-05,11,13,10,14,200", "2014-06-06,0,13,10,12,200"),
            "BAD.csv, line 2: close lies outside low to high",
        ),
        (lines('2014-06-06,"11'), "BAD.csv, line 2: unexpected end of data"),
    ],
)
def test_a_bad_csv_file_is_answered_with_file_line_and_reason(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "BAD.csv").write_text(content)
    (tmp_path / "GOOD.csv").write_text(GOOD)
    prices = folder(tmp_path)
    error = refusal(prices, "BAD")
    assert str(error) == sentence
    assert error.code is ErrorCode.DATA_MISSING
    assert prices.problems() == [sentence]
    assert len(prices.bars("GOOD", NOW)) == 3


def test_text_that_is_not_utf8_is_blamed_on_its_line(tmp_path: Path) -> None:
    (tmp_path / "BAD.csv").write_bytes(GOOD.encode() + b"2014-06-10,\xff,14,11,13,300\n")
    assert str(refusal(folder(tmp_path), "BAD")) == "BAD.csv, line 5: the text is not UTF-8; save the file as UTF-8"


def test_a_directory_that_is_named_like_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "BAD.csv").mkdir()
    assert str(refusal(folder(tmp_path), "BAD")) == "BAD.csv cannot be read: Is a directory"


def test_a_headers_case_spaces_mark_and_further_columns_do_not_matter(tmp_path: Path) -> None:
    header = "\ufeffDate, Open ,HIGH,Low,Close,Adj Close,Volume"
    (tmp_path / "ACME.csv").write_text(f"{header}\r\n2014-06-06,11,13,10, 12.5 ,7,2e2\r\n", encoding="utf-8")
    bars = folder(tmp_path).bars("ACME", NOW)
    assert (bars.sessions, bars.close.tolist(), bars.volume.tolist()) == ((date(2014, 6, 6),), [12.5], [200.0])


def frame(**columns: list[object]) -> polars.DataFrame:
    good: dict[str, list[object]] = {
        "date": [date(2014, 6, 5), date(2014, 6, 6)],
        "open": [10.0, 11.0],
        "high": [12.0, 13.0],
        "low": [9.0, 10.0],
        "close": [11.0, 12.0],
        "volume": [100, 200],
    }
    return polars.DataFrame({**good, **columns})


def zoned() -> polars.DataFrame:
    days = frame().with_columns(polars.col("date").cast(polars.Datetime("us")))
    return days.with_columns(polars.col("date").dt.replace_time_zone("America/New_York"))


@pytest.mark.parametrize(
    "table",
    [
        frame(),
        frame(date=["2014-06-05", "2014-06-06"]),
        frame().with_columns(polars.col("date").cast(polars.Datetime("ns"))),
        zoned(),
        frame().cast({"volume": polars.Float64}).rename({"date": "Date", "close": "Close"}),
        frame().with_columns(polars.col("close").cast(polars.Decimal(10, 2))),
        frame(more=["x", "y"]),
    ],
    ids=["dates", "texts", "timestamps", "zoned timestamps", "capitals", "decimals", "further columns"],
)
def test_parquet_may_hold_its_dates_and_numbers_in_any_type(tmp_path: Path, table: polars.DataFrame) -> None:
    table.write_parquet(tmp_path / "ACME.parquet")
    bars = folder(tmp_path).bars("ACME", NOW)
    assert bars.sessions == (date(2014, 6, 5), date(2014, 6, 6))
    assert bars.close.tolist() == [11.0, 12.0]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (frame(close=[11.0, None]), "BAD.parquet, row 2: close (empty) is not a number"),
        (frame(close=[11.0, float("nan")]), "BAD.parquet, row 2: close nan is not a finite number"),
        (frame(close=[True, False]), "BAD.parquet, row 1: close 'True' is not a number"),
        (frame(date=[1, 2]), "BAD.parquet, row 1: date '1' is not a date (YYYY-MM-DD)"),
        (
            frame().drop("low"),
            "BAD.parquet, line 1: the column low is missing (needed: date, open, high, low, close; "
            "there: date, open, high, close, volume)",
        ),
        (frame().clear(), "BAD.parquet, line 2: the file has no rows below its header"),
    ],
)
def test_a_bad_parquet_file_is_answered_with_file_row_and_reason(
    tmp_path: Path, table: polars.DataFrame, sentence: str
) -> None:
    table.write_parquet(tmp_path / "BAD.parquet")
    assert str(refusal(folder(tmp_path), "BAD")) == sentence


@pytest.mark.parametrize("kept", [0, 4, 300, -1])
def test_a_broken_parquet_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "BAD.parquet"
    frame().write_parquet(path)
    path.write_bytes(path.read_bytes()[:kept])
    assert str(refusal(folder(tmp_path), "BAD")).startswith("BAD.parquet is no readable Parquet file: ")


def test_two_files_for_one_symbol_are_refused_until_one_goes(tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_text(GOOD)
    frame().write_parquet(tmp_path / "acme.parquet")
    prices = folder(tmp_path)
    assert str(refusal(prices, "ACME")) == "ACME has two files, ACME.csv and acme.parquet: keep one"
    (tmp_path / "ACME.csv").unlink()
    assert len(prices.bars("ACME", NOW)) == 2


def test_a_missing_folder_is_named_and_knows_nothing(tmp_path: Path) -> None:
    prices = folder(tmp_path / "gone")
    assert (
        str(refusal(prices, "ACME"))
        == f"The price folder {tmp_path / 'gone'} cannot be read: No such file or directory"
    )
    assert refusal(prices, "ACME").code is ErrorCode.DATA_MISSING
    assert prices.problems() == [str(refusal(prices, "ACME"))]
    assert prices.instruments() == []


def test_an_empty_folder_has_no_problem_and_no_symbol(tmp_path: Path) -> None:
    prices = folder(tmp_path)
    assert prices.problems() == []
    assert str(refusal(prices, "ACME")) == "Unknown symbol ACME"


def test_files_that_are_no_prices_are_passed_over_and_odd_names_told(tmp_path: Path) -> None:
    for name in ("notes.txt", ".HIDDEN.csv", "my stocks.csv", "brk.b.csv"):
        (tmp_path / name).write_text(GOOD)
    prices = folder(tmp_path)
    assert [info.symbol for info in prices.instruments()] == ["BRK.B"]
    assert prices.problems() == ["my stocks.csv: the name is not a symbol"]


@pytest.mark.parametrize("symbol", ["../SECRET", "..", "/etc/passwd", "ACME.csv", "", "acme", "ACME/../ACME", "A\x00B"])
def test_a_symbol_cannot_lead_out_of_the_folder(tmp_path: Path, symbol: str) -> None:
    inside = tmp_path / "prices"
    inside.mkdir()
    (inside / "ACME.csv").write_text(GOOD)
    (tmp_path / "SECRET.csv").write_text(GOOD)
    error = refusal(folder(inside), symbol)
    assert error.code is ErrorCode.SYMBOL_INVALID
    assert str(error).startswith((f"Unknown symbol {symbol!r}", f"Unknown symbol {symbol}"))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "ACME.csv"
    path.write_text(lines(*ROWS[:2]))
    prices = folder(tmp_path)
    assert len(prices.bars("ACME", NOW)) == 2
    path.write_text(GOOD)
    assert len(prices.bars("ACME", NOW)) == 3
    path.write_text(GOOD + "broken\n")
    assert str(refusal(prices, "ACME")) == "ACME.csv, line 5: 1 cells where the header names 6"
    path.unlink()
    assert refusal(prices, "ACME").code is ErrorCode.SYMBOL_INVALID


def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "ACME.csv"
    path.write_text(GOOD)
    prices = folder(tmp_path)
    first = prices.bars("ACME", NOW)
    assert prices.bars("ACME", NOW).sessions[0] is first.sessions[0]


def test_splits_are_applied_as_known_and_read_again_when_they_change(tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_text(GOOD)
    prices = folder(tmp_path)
    assert prices.bars("ACME", NOW).close.tolist() == [11.0, 12.0, 13.0]
    (tmp_path / "splits.csv").write_text("symbol,date,ratio\nACME,2014-06-09,0.5\nOTHER,2014-06-09,2\n")
    assert prices.bars("ACME", NOW).close.tolist() == [5.5, 6.0, 13.0]
    before_open = datetime(2014, 6, 9, 13, 29, 59, tzinfo=UTC)
    assert prices.bars("ACME", before_open).close.tolist() == [11.0, 12.0]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("BAD,2014-06-09,seven", "splits.csv, line 2: ratio 'seven' is not a number"),
        ("BAD,2014-06-09,0", "splits.csv, line 2: ratio must be above zero"),
        ("BAD,9 June,0.5", "splits.csv, line 2: date '9 June' is not a date (YYYY-MM-DD)"),
        ("BAD,2014-06-09,0.5\nBAD,2014-06-09,0.5", "splits.csv, line 3: BAD is split twice on 2014-06-09"),
    ],
)
def test_a_bad_split_stops_its_own_symbol_only(tmp_path: Path, row: str, sentence: str) -> None:
    (tmp_path / "BAD.csv").write_text(GOOD)
    (tmp_path / "GOOD.csv").write_text(GOOD)
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\n{row}\n")
    prices = folder(tmp_path)
    assert str(refusal(prices, "BAD")) == sentence
    assert len(prices.bars("GOOD", NOW)) == 3
    assert prices.problems() == [sentence]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("symbol,date\n", "splits.csv, line 1: the column ratio is missing (needed: symbol, date, ratio)"),
        ("symbol,date,ratio\nacme inc,2014-06-09,0.5\n", "splits.csv, line 2: 'ACME INC' is not a symbol"),
    ],
)
def test_splits_that_cannot_be_assigned_stop_every_symbol(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "ACME.csv").write_text(GOOD)
    (tmp_path / "splits.csv").write_text(content)
    prices = folder(tmp_path)
    assert str(refusal(prices, "ACME")) == sentence
    assert prices.problems() == [sentence]


def test_instruments_are_described_by_their_file_or_by_default(tmp_path: Path) -> None:
    for symbol in ("ACME", "VOD"):
        (tmp_path / f"{symbol}.csv").write_text(GOOD)
    (tmp_path / "instruments.csv").write_text("symbol,name,calendar,currency\nVOD,Vodafone,XLON,GBP\n")
    prices = folder(tmp_path)
    acme, vodafone = prices.instruments()
    assert (acme.name, acme.exchange, acme.calendar, acme.currency) == ("ACME", "XNYS", "XNYS", "USD")
    assert (vodafone.name, vodafone.exchange, vodafone.calendar, vodafone.currency) == (
        "Vodafone",
        "XLON",
        "XLON",
        "GBP",
    )
    assert prices.bars("VOD", NOW).currency == "GBP"
    assert prices.bars("VOD", NOW).closed_at[-1] == datetime(2014, 6, 9, 15, 30, tzinfo=UTC)
    assert prices.instant_of(date(2014, 6, 9), "VOD") == datetime(2014, 6, 9, 15, 30, tzinfo=UTC)


def test_what_never_closes_keeps_its_weekends(tmp_path: Path) -> None:
    (tmp_path / "COIN.csv").write_text(lines("2014-06-06,11,13,10,12,200", "2014-06-07,11,13,10,12,200"))
    (tmp_path / "instruments.csv").write_text("symbol,calendar\nCOIN,24/7\n")
    assert len(folder(tmp_path).bars("COIN", NOW)) == 2


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("BAD,XNOPE,USD", "instruments.csv, line 2: There is no exchange calendar 'XNOPE'"),
        ("BAD,XNYS,usd", "instruments.csv, line 2: currency 'usd' is not a code of three capitals"),
        ("BAD,XNYS,USD\nBAD,XLON,GBP", "instruments.csv, line 3: BAD is there twice"),
    ],
)
def test_a_bad_instrument_stops_its_own_symbol_only(tmp_path: Path, row: str, sentence: str) -> None:
    (tmp_path / "BAD.csv").write_text(GOOD)
    (tmp_path / "GOOD.csv").write_text(GOOD)
    (tmp_path / "instruments.csv").write_text(f"symbol,calendar,currency\n{row}\n")
    prices = folder(tmp_path)
    assert str(refusal(prices, "BAD")) == sentence
    assert len(prices.bars("GOOD", NOW)) == 3
    assert prices.problems() == [sentence]


def test_an_unknown_calendar_is_told_when_an_instant_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "BAD.csv").write_text(GOOD)
    (tmp_path / "instruments.csv").write_text("symbol,calendar\nBAD,XNOPE\n")
    with pytest.raises(ExpertError, match="There is no exchange calendar 'XNOPE'") as caught:
        folder(tmp_path).instant_of(date(2014, 6, 9), "BAD")
    assert caught.value.code is ErrorCode.DATA_MISSING
