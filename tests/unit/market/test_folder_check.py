"""Check of a folder: each file with its form and its gaps, known ones by a glance, many in processes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.price_files import FileState, FolderCheck
from ba2_trade_platform.market.calendars.desk_calendars import FILE, DeskCalendars
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.folder_check import FEW, CheckedPrices
from tests.fakes.clock import StandingClock

NOW = datetime(2014, 12, 31, 21, tzinfo=UTC)
DAYS = [
    str(day)
    for day in session_calendar("XNYS").days
    if np.datetime64("2014-06-01") <= day < np.datetime64("2014-06-30")
]
HEAD = "date,open,high,low,close,volume"
ROWS = [f"{day},10,12,9,11,100" for day in DAYS]


def whole(_: FolderCheck) -> None:
    """Hear nothing."""


def check(path: Path, go_on: int = 10**6, now: datetime = NOW) -> FolderCheck:
    """Check a folder, by the calendar days beside it, until it was asked `go_on` times whether to."""
    turns = iter(range(go_on))
    prices = CheckedPrices(path, StandingClock(now), path.parent / "kept", DeskCalendars(path.parent / FILE))
    return prices.check(lambda: next(turns, None) is not None, whole)


def folder(tmp_path: Path, **contents: str) -> Path:
    path = tmp_path / "prices"
    path.mkdir(exist_ok=True)
    for symbol, content in contents.items():
        (path / f"{symbol}.csv").write_text(content)
    return path


def lines(*rows: str) -> str:
    return "\n".join([HEAD, *rows]) + "\n"


def test_a_file_is_told_with_its_form_and_its_missing_sessions(tmp_path: Path) -> None:
    gaps = lines(*ROWS[:5], *ROWS[8:]).replace(",", ";")
    done = check(folder(tmp_path, GAPS=gaps, ACME=lines(*ROWS[::-1]), BAD=lines("2014-06-05,1,2")))
    acme, bad, gap = done.files
    assert (acme.state, acme.repaired) == (FileState.REPAIRED, ("newest first: turned round",))
    assert (acme.bars, acme.first_session, acme.last_session) == (20, date(2014, 6, 2), date(2014, 6, 27))
    assert (acme.missing, acme.behind) == (0, 129)
    assert (bad.state, bad.problem) == (FileState.REFUSED, "BAD.csv, line 2: 3 cells where the header names 6")
    assert (gap.state, gap.missing, gap.missing_days[0]) == (FileState.USED, 3, date(2014, 6, 9))
    assert gap.form == "date, open, high, low, close, volume, parted by semicolons"
    assert done.sentence == "3 files: 1 used, 1 repaired, 1 refused; 3 read anew"


def test_a_known_file_is_not_read_again_until_something_about_it_changes(tmp_path: Path) -> None:
    path = folder(tmp_path, ACME=lines(*ROWS), OTHER=lines(*ROWS))
    first = check(path)
    again = check(path)
    assert (first.read, again.read) == (2, 0)
    assert again.files == first.files
    (path / "ACME.csv").write_text(lines(*ROWS[:-1]))
    changed = check(path)
    assert (changed.read, changed.files[0].bars) == (1, 19)
    (path / "instruments.csv").write_text("symbol,currency\nOTHER,GBX\n")
    assert check(path).read == 1
    (path / "other.parquet").write_text("")
    two = check(path)
    assert {file.problem for file in two.files[1:]} == {"OTHER has two files, OTHER.csv and other.parquet: keep one"}


def test_what_is_kept_and_damaged_is_read_anew(tmp_path: Path) -> None:
    path = folder(tmp_path, ACME=lines(*ROWS))
    check(path)
    (kept,) = (tmp_path / "kept").iterdir()
    for damage in ("", "[]", '{"ACME.csv": 5}', '{"ACME.csv": ["x", {}]}', kept.read_text().replace("used", "odd")):
        kept.write_text(damage)
        assert (check(path).read, check(path).read) == (1, 0)


def test_many_files_are_read_by_processes_and_the_same(tmp_path: Path) -> None:
    many = {f"S{number:03}": lines(*ROWS) for number in range(FEW + 6)}
    path = folder(tmp_path, **many, BAD=lines("2014-06-05,1,2"))
    told: list[FolderCheck] = []
    done = CheckedPrices(path, StandingClock(NOW), None).check(lambda: True, told.append)
    assert done.sentence == f"{FEW + 7} files: {FEW + 6} used, 1 refused; {FEW + 7} read anew"
    assert told[0].under_way
    assert told[0].total == FEW + 7
    alone = check(folder(tmp_path / "alone", S000=lines(*ROWS))) if (tmp_path / "alone").mkdir() is None else done
    assert done.files[1] == alone.files[0]


def test_a_check_that_is_given_up_keeps_what_it_has_read(tmp_path: Path) -> None:
    path = folder(tmp_path, **{f"S{number:03}": lines(*ROWS) for number in range(FEW + 20)})
    part = check(path, go_on=5)
    assert part.given_up
    assert 0 < len(part.files) <= 5
    assert part.sentence.startswith(f"Given up after {len(part.files)} of {FEW + 20} files")
    rest = check(path)
    assert (rest.read, len(rest.files)) == (FEW + 20 - len(part.files), FEW + 20)


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    assert check(tmp_path / "gone").problems == (
        f"The price folder {tmp_path / 'gone'} cannot be read: No such file or directory",
    )


def saturday(tmp_path: Path, symbols: int = 1) -> Path:
    """Return a folder of files with a traded bar of a Saturday, and an idle one of the next day."""
    rows = sorted([*ROWS, "2014-06-07,10,12,9,11,100", "2014-06-08,11,11,11,11,0"])
    return folder(tmp_path, **{f"S{number:03}": lines(*rows) for number in range(symbols)})


def test_a_traded_bar_without_a_session_is_told_and_an_idle_one_too(tmp_path: Path) -> None:
    (file,) = check(saturday(tmp_path)).files
    assert (file.state, file.bars) == (FileState.WARNED, 20)
    assert file.repaired == ("1 rows without trade on closed days left out",)
    (warning,) = file.warnings
    assert warning.startswith("S000 has a traded bar on 2014-06-07, where the XNYS calendar has no session; left out.")
    assert warning in file.sentence


def test_without_volumes_a_bar_whose_price_moved_was_traded(tmp_path: Path) -> None:
    rows = sorted([*(row.rsplit(",", 1)[0] for row in ROWS), "2014-06-07,10,12,9,11", "2014-06-08,11,11,11,11"])
    path = folder(tmp_path, INDEX="\n".join([HEAD.removesuffix(",volume"), *rows, ""]))
    (file,) = check(path).files
    assert file.repaired == ("1 rows without trade on closed days left out", "no volume")
    assert [warning[:35] for warning in file.warnings] == ["INDEX has a traded bar on 2014-06-0"]


def test_files_of_another_exchange_are_refused_as_every_expert_refuses_them(tmp_path: Path) -> None:
    sundays = [f"2014-06-{day:02},10,12,9,11,100" for day in (7, 8, 14, 15, 21, 22)]
    (file,) = check(folder(tmp_path, TLV=lines(*sorted([*ROWS, *sundays])))).files
    assert file.state is FileState.REFUSED
    assert (file.problem or "").startswith("TLV.csv: TLV has 6 traded bars on days without a XNYS session")
    assert "it seems to keep another calendar. Name that in instruments.csv" in (file.problem or "")


def dated(tmp_path: Path, calendar: str, *days: str) -> FolderCheck:
    """Check a file of these days that keeps this calendar."""
    path = folder(tmp_path, ACME=lines(*(f"{day},10,12,9,11,100" for day in days)))
    (path / "instruments.csv").write_text(f"symbol,calendar\nACME,{calendar}\n")
    return check(path)


@pytest.mark.parametrize(
    ("calendar", "days", "cause"),
    [
        (
            "XBOM",
            ("2027-01-04", "2027-01-05"),
            "2027-01-04 to 2027-01-05, lie after the end of their calendar. The XBOM",
        ),
        (
            "XNYS",
            ("2051-02-01", "2051-02-02"),
            "lie after the end of their calendar. The XNYS calendar is computed until",
        ),
        ("XSHG", ("1988-01-04", "1988-01-05"), "lie before 1990-12-03, where XSHG begins"),
        ("XNYS", ("2014-06-07", "2014-06-08"), "is a XNYS session: look whether it keeps another calendar"),
    ],
)
def test_a_file_without_any_session_is_told_why(
    tmp_path: Path, calendar: str, days: tuple[str, ...], cause: str
) -> None:
    (file,) = dated(tmp_path, calendar, *days).files
    assert file.state is FileState.REFUSED
    assert cause in (file.problem or "")


def test_bars_of_days_to_come_are_told(tmp_path: Path) -> None:
    (file,) = dated(tmp_path, "XNYS", "2014-12-30", "2014-12-31", "2015-01-05").files
    assert (file.state, file.last_session) == (FileState.WARNED, date(2015, 1, 5))
    assert file.warnings == (
        "ACME.csv goes on to 2015-01-05, and it is 2014-12-31: look whether day and month have changed places",
    )
    (today,) = dated(tmp_path, "XNYS", "2014-12-30", "2014-12-31").files
    assert today.warnings == ()


def test_a_calendar_day_of_the_desk_has_its_files_read_anew(tmp_path: Path) -> None:
    for symbols, below in ((2, tmp_path / "few"), (FEW + 6, tmp_path / "many")):
        below.mkdir()
        path = saturday(below, symbols)
        assert (check(path).read, check(path).read) == (symbols, 0)
        (below / FILE).write_text("calendar,kind,first\nXNYS,extra_session,2014-06-07\n")
        done = check(path)
        assert (done.read, {(file.state, file.bars) for file in done.files}) == (symbols, {(FileState.REPAIRED, 21)})
        (below / FILE).write_text("calendar,kind,first\nXNYS,extra_session,2014-06-07\nXLON,closed_day,2014-06-06\n")
        assert check(path).read == 0


def test_a_file_is_told_that_its_calendar_has_ended_by_now(tmp_path: Path) -> None:
    calendar = session_calendar("XBOM")
    end = calendar.last_day
    days = [*calendar.days[-30:].tolist(), end + timedelta(days=4)]
    path = folder(tmp_path, BOM=lines(*(f"{day},10,12,9,11,100" for day in days)))
    (path / "instruments.csv").write_text("symbol,calendar\nBOM,XBOM\n")
    midnight = datetime(end.year, end.month, end.day, tzinfo=UTC)
    (before,) = check(path, now=midnight).files
    assert (before.warnings, before.bars) == ((), 30)
    assert before.repaired == (f"1 rows after {end}, the end of the XBOM calendar, are not used",)
    after = check(path, now=midnight + timedelta(days=9))
    assert after.read == 0
    assert after.files[0].state is FileState.WARNED
    assert after.files[0].warnings[0].startswith(f"The XBOM calendar ends on {end}")
