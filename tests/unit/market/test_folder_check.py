"""Check of a folder: each file with its form and its gaps, known ones by a glance, many in processes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from ba2_trade_platform.core.contracts.price_files import FileState, FolderCheck
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


def check(path: Path, go_on: int = 10**6) -> FolderCheck:
    """Check a folder until it was asked `go_on` times whether to."""
    turns = iter(range(go_on))
    kept = path.parent / "kept"
    return CheckedPrices(path, StandingClock(NOW), kept).check(lambda: next(turns, None) is not None, whole)


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
