"""Factors from outside: splits, dividends and units are checked against the prices that they are meant for."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.unit.market.quiet_prices import HEAD, NOW, folder, refusal, rows, text


@pytest.mark.parametrize(
    ("ratio", "sentence"),
    [
        ("4", "with 4 the price jumps 16-fold on {day} (close 99 before, open 24.75); did you mean 0.25?"),
        ("0.5", None),
        ("0.25", None),
        ('"0,25"', None),
        ("20", "with 20 the price jumps 80-fold on {day} (close 99 before, open 24.75); did you mean 0.25?"),
    ],
)
def test_a_ratio_that_widens_the_gap_is_refused_with_the_one_that_closes_it(
    tmp_path: Path, ratio: str, sentence: str | None
) -> None:
    before, after = rows(61)[:-20], rows(61, 24.75)[-20:]
    (tmp_path / "ACME.csv").write_text(text(*before, *after))
    day = after[0][:10]
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\nACME,{day},{ratio}\n")
    if sentence is None:
        assert len(folder(tmp_path).bars("ACME", NOW)) == 61
        return
    assert refusal(tmp_path) == f"splits.csv, line 2: {sentence.format(day=day)}"
    assert folder(tmp_path).problems() == [refusal(tmp_path)]
    eve = folder(tmp_path).instant_of(date.fromisoformat(before[-1][:10]), "ACME")
    assert folder(tmp_path).bars("ACME", eve).close[-1] == 99.0


def test_a_split_of_prices_that_are_adjusted_already_is_refused_unless_a_person_is_sure(tmp_path: Path) -> None:
    quiet = rows()
    (tmp_path / "ACME.csv").write_text(text(*quiet))
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\nACME,{quiet[40][:10]},0.5\n")
    assert refusal(tmp_path).endswith(
        "there is no gap to close (a ratio of 1): the prices are adjusted already, remove the line"
    )
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio,sure\nACME,{quiet[40][:10]},0.5,yes\n")
    bars = folder(tmp_path).bars("ACME", NOW)
    assert bars.close[39] == pytest.approx(101.0 / 2)
    assert "The close changes by +" in bars.warnings[0]


def test_a_split_on_a_wrong_day_is_refused_with_the_right_one(tmp_path: Path) -> None:
    lines = [*rows(61)[:-20], *rows(61, 50)[-20:]]
    (tmp_path / "ACME.csv").write_text(text(*lines))
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\nACME,{lines[43][:10]},0.5\n")
    assert refusal(tmp_path).endswith(f"did you mean {lines[41][:10]}?")


@pytest.mark.parametrize("price", [40.0, 9.0, 170.0])
def test_a_gap_without_a_cause_is_a_warning_from_its_close_on(tmp_path: Path, price: float) -> None:
    lines = [*rows(61)[:-20], *rows(61, price)[-20:]]
    (tmp_path / "ACME.csv").write_text(text(*lines))
    prices = folder(tmp_path)
    day, eve = (prices.instant_of(date.fromisoformat(line[:10]), "ACME") for line in (lines[41], lines[40]))
    (warning,) = prices.bars("ACME", day).warnings
    assert f"on {lines[41][:10]}, from 99 to {price * 1.01:g}, and no split, dividend or rename is known" in warning
    assert prices.bars("ACME", day - timedelta(seconds=1)).warnings == prices.bars("ACME", eve).warnings == ()
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\nACME,{lines[41][:10]},1\n")
    assert folder(tmp_path).bars("ACME", NOW).warnings == ()


def test_a_dividend_of_its_row_explains_a_gap_and_one_beyond_the_price_is_doubted(tmp_path: Path) -> None:
    lines = [f"{line},0" for line in [*rows(61)[:-20], *rows(61, 50)[-20:]]]
    lines[41] = lines[41][:-1] + "49"
    (tmp_path / "ACME.csv").write_text(text(*lines, head=f"{HEAD},Dividends"))
    assert folder(tmp_path).bars("ACME", NOW).warnings == ()
    lines[41] = lines[41][:-2] + "4900"
    (tmp_path / "ACME.csv").write_text(text(*lines, head=f"{HEAD},Dividends"))
    assert "The dividend 4900 of" in folder(tmp_path).bars("ACME", NOW).warnings[0]


def test_a_split_of_the_files_own_column_is_used_where_the_price_falls_by_it(tmp_path: Path) -> None:
    head = "timestamp,open,high,low,close,volume,adjusted_close,dividend_amount,split_coefficient"
    lines = [f"{line},1,0.0000,1.0" for line in [*rows(61)[:-20], *rows(61, 25)[-20:]]]
    lines[41] = lines[41][:-3] + "4.0"
    (tmp_path / "ACME.csv").write_text(text(*lines, head=head))
    prices = folder(tmp_path)
    assert prices.bars("ACME", NOW).close[40] == pytest.approx(99 / 4)
    opened = prices.instant_of(date.fromisoformat(lines[41][:10]), "ACME") - timedelta(seconds=1)
    assert prices.bars("ACME", opened).close[-1] == 99.0
    (tmp_path / "ACME.csv").write_text(
        text(
            *[f"{line},0.0,{4.0 if at == 41 else 0.0}" for at, line in enumerate(rows(61))],
            head=f"{HEAD},Dividends,Stock Splits",
        )
    )
    assert folder(tmp_path).bars("ACME", NOW).close[40] == 99.0


@pytest.mark.parametrize(
    ("unit", "currency"), [("GBX", "GBP"), ("GBp", "GBP"), ("ZAc", "ZAR"), ("ILA", "ILS"), ("USX", "USD")]
)
def test_prices_in_hundredth_parts_are_shown_in_their_currency(tmp_path: Path, unit: str, currency: str) -> None:
    (tmp_path / "ACME.csv").write_text(text(*rows(5)))
    (tmp_path / "instruments.csv").write_text(f"symbol,currency\nACME,{unit}\n")
    bars = folder(tmp_path).bars("ACME", NOW)
    assert (bars.currency, bars.close[-1]) == (currency, pytest.approx(0.99))
    assert folder(tmp_path).instrument("ACME").currency == currency


@pytest.mark.parametrize("factor", [0.01, 100])
def test_pounds_among_pence_are_refused(tmp_path: Path, factor: float) -> None:
    (tmp_path / "ACME.csv").write_text(text(*rows(61)[:-20], *rows(61, 100 * factor)[-20:]))
    (tmp_path / "instruments.csv").write_text("symbol,currency\nACME,GBX\n")
    assert "a hundredfold change: some rows are in GBP and some in its hundredth part" in refusal(tmp_path)
