"""Desk calendars: extra sessions and closed days hold everywhere, and a bad line spoils no other."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.market.calendars.corrections import corrected, problem_of
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.own_days_file import read_own_days, write_own_days
from ba2_trade_platform.market.calendars.sessions import instant, session_calendar
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.vocabulary import OwnDaysKind
from tests.fakes.clock import StandingClock
from tests.price_folders import BUDGET_SUNDAY, lay_prices, sessions_of

HEADER = "calendar,kind,first,last,opens,closes,reason\n"
EXTRA, CLOSED = OwnDaysKind.EXTRA_SESSION, OwnDaysKind.CLOSED_DAY


def own(kind: OwnDaysKind, first: date, last: date | None = None, calendar: str = "XBOM", *hours: time) -> OwnDays:
    return OwnDays(calendar, kind, first, last or first, *hours)


def calendars(folder: Path, *lines: str) -> DeskCalendars:
    file = folder / "calendar_days.csv"
    file.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return DeskCalendars(file)


def test_an_extra_session_has_the_usual_hours_of_its_season(tmp_path: Path) -> None:
    desk = calendars(tmp_path, "XBOM,extra_session,2026-02-01,,,,Budget Sunday", "NYSE,extra_session,2026-07-11,,,,")
    mumbai, new_york = desk.get("XBOM"), desk.get("XNYS")
    assert mumbai.open_on_or_after(BUDGET_SUNDAY) == datetime(2026, 2, 1, 3, 45, tzinfo=UTC)
    assert mumbai.close_on_or_before(BUDGET_SUNDAY) == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert new_york.close_on_or_before(date(2026, 7, 11)) == datetime(2026, 7, 11, 20, tzinfo=UTC)
    assert desk.problems() == []


def test_an_evening_session_has_the_hours_that_were_given(tmp_path: Path) -> None:
    muhurat = calendars(tmp_path, "XBOM,extra_session,2026-11-08,2026-11-08,18:00,19:00,Muhurat").get("XBOM")
    assert muhurat.open_on_or_after(date(2026, 11, 8)) == datetime(2026, 11, 8, 12, 30, tzinfo=UTC)
    assert muhurat.close_on_or_before(date(2026, 11, 8)) == datetime(2026, 11, 8, 13, 30, tzinfo=UTC)


def test_given_hours_make_a_half_day_of_a_session(tmp_path: Path) -> None:
    half = calendars(tmp_path, "XNYS,extra_session,2026-12-23,,09:30,12:00,storm").get("XNYS")
    assert half.close_on_or_before(date(2026, 12, 23)) == datetime(2026, 12, 23, 17, tzinfo=UTC)


def test_a_traded_bar_is_used_once_its_day_is_an_extra_session(tmp_path: Path) -> None:
    days = sessions_of("XBOM", until=date(2026, 11, 27))[-600:]
    lay_prices(tmp_path / "prices", "ACME", "XBOM", {**dict.fromkeys(days, 1000), BUDGET_SUNDAY: 500})
    desk = DeskCalendars(tmp_path / "calendar_days.csv")
    prices = FolderPrices(tmp_path / "prices", StandingClock(datetime(2026, 11, 28, tzinfo=UTC)), desk)
    as_of = datetime(2026, 2, 20, tzinfo=UTC)
    assert len(prices.bars("ACME", as_of, 300).warnings) == 1
    calendars(tmp_path, "XBOM,extra_session,2026-02-01,,,,Budget Sunday")
    bars = prices.bars("ACME", as_of, 300).require()
    assert BUDGET_SUNDAY in bars.sessions
    assert bars.warnings == ()
    before_close = datetime(2026, 2, 1, 9, 59, tzinfo=UTC)
    assert BUDGET_SUNDAY not in prices.bars("ACME", before_close).sessions
    assert BUDGET_SUNDAY in prices.bars("ACME", before_close + timedelta(minutes=1)).sessions


def test_a_closed_day_is_not_missing_and_its_bar_is_left_out(tmp_path: Path) -> None:
    days = sessions_of("XNYS", until=date(2026, 11, 20))[-400:]
    lay_prices(tmp_path / "prices", "ACME", "XNYS", dict.fromkeys(days, 1000))
    desk = calendars(tmp_path, "XNYS,closed_day,2026-11-23,,,,", "XNYS,closed_day,2026-11-20,,,,")
    prices = FolderPrices(tmp_path / "prices", StandingClock(datetime(2026, 11, 28, tzinfo=UTC)), desk)
    bars = prices.bars("ACME", datetime(2026, 11, 24, 22, tzinfo=UTC), 300)
    assert (bars.sessions[-1], bars.sessions_missing, bars.left_out) == (date(2026, 11, 19), 1, (date(2026, 11, 20),))


def test_days_after_the_end_become_known_one_after_the_other(tmp_path: Path) -> None:
    lone = calendars(tmp_path, "XBOM,extra_session,2027-11-07,,18:00,19:00,Muhurat").get("XBOM")
    assert lone.last_day == date(2026, 12, 31)  # or all days up to it would count as closed
    year = calendars(
        tmp_path, "XBOM,extra_session,2027-01-01,2027-03-31,,,", "XBOM,closed_day,2027-01-26,,,,Republic Day"
    ).get("XBOM")
    assert year.last_day == date(2027, 3, 31)
    assert np.datetime64("2027-01-26") not in year.days
    assert year.close_on_or_before(date(2027, 1, 26)) == datetime(2027, 1, 25, 10, tzinfo=UTC)
    assert year.knows(datetime(2027, 3, 31, 12, tzinfo=UTC))
    assert not year.knows(datetime(2027, 4, 1, tzinfo=UTC))


def test_prices_are_fresh_again_once_the_days_after_the_end_are_there(tmp_path: Path) -> None:
    days = sessions_of("XBOM", until=date(2026, 12, 31))[-400:]
    lay_prices(tmp_path / "p", "ACME", "XBOM", {**dict.fromkeys(days, 1000), date(2027, 1, 1): 5, date(2027, 1, 4): 5})
    desk = calendars(tmp_path, "XBOM,extra_session,2027-01-01,2027-01-29,,,")
    bars = FolderPrices(tmp_path / "p", StandingClock(datetime(2027, 1, 5, tzinfo=UTC)), desk)
    assert bars.bars("ACME", datetime(2027, 1, 5, tzinfo=UTC), 300).require().sessions[-1] == date(2027, 1, 4)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (",closed_day,2026-02-02,,,,", "line 2: the calendar is missing, for example XNYS"),
        ("XBOM,holiday,2026-02-02,,,,", "line 2: kind holiday is neither extra_session nor closed_day"),
        ("XBOM,closed_day,2026-02-30,,,,", "line 2: first 2026-02-30 is no day of the calendar"),
        ("XBOM,closed_day,2/3/2026,,,,", "line 2: first '2/3/2026' is not a date (YYYY-MM-DD)"),
        ("XBOM,closed_day,2026-02-02,2026-02-01,,,", "line 2: 2026-02-02 to 2026-02-01 ends before it begins"),
        ("XBOM,extra_session,2026-02-01,,25:00,26:00,", "line 2: opens 25:00 is no time of day; write it as 09:15"),
        ("XBOM,extra_session,2026-02-01,,09:15,,", "line 2: Give both the open and the close, or neither"),
        ("XBOM,extra_session,2026-02-01,,15:30,09:15,", "line 2: The close, 09:15, must lie after the open, 15:30"),
        ("XBOM,closed_day,2026-02-02,,09:15,15:30,", "line 2: A closed day has no open and no close"),
        ("XNOPE,closed_day,2026-02-02,,,,", "line 2: There is no exchange calendar 'XNOPE'"),
        ("XTAE,closed_day,2026-02-02,,,,", "line 2: The exchange calendar 'XTAE' cannot be computed here"),
        (
            "XSAU,extra_session,2014-02-02,,,,",
            "line 2: extra session 2014-02-02 lies outside of 2021-01-01 to 2100-12-31",
        ),
        (
            "XBOM,closed_day,2026-01-01,2027-12-31,,,",
            "line 2: closed day 2026-01-01 to 2027-12-31 are more than 400 days",
        ),
        ("XBOM,closed_day,2026-02-02", "line 2: 3 cells where the header names 7"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line_and_spoils_nothing_else(
    tmp_path: Path, line: str, sentence: str
) -> None:
    desk = calendars(tmp_path, line, "XNYS,closed_day,2026-11-23,,,,")
    assert [problem[: len(f"calendar_days.csv, {sentence}")] for problem in desk.problems()] == [
        f"calendar_days.csv, {sentence}"
    ]
    assert np.datetime64("2026-02-02") in desk.get("XBOM").days
    if "cells" not in sentence:
        assert np.datetime64("2026-11-23") not in desk.get("XNYS").days


@pytest.mark.parametrize("kind", ["extra session", "Extra-Session", "EXTRA_SESSION"])
@pytest.mark.parametrize(("opens", "closes"), [("9:15", "15:30"), ("09:15:00", "15:30:00")])
def test_a_file_that_a_spreadsheet_saved_means_the_same(tmp_path: Path, kind: str, opens: str, closes: str) -> None:
    (tmp_path / "calendar_days.csv").write_text(
        f"{HEADER}XBOM,{kind},01.02.2026,,{opens},{closes},Budget\n".replace(",", ";")
    )
    (days,) = read_own_days(tmp_path / "calendar_days.csv").days
    assert (days.kind, days.first, days.opens, days.closes) == (EXTRA, date(2026, 2, 1), time(9, 15), time(15, 30))


def test_two_words_about_one_day_are_a_problem_unless_one_is_narrower(tmp_path: Path) -> None:
    desk = calendars(tmp_path, "XBOM,closed_day,2026-02-02,,,,", "XBOM,extra_session,2026-02-02,,10:00,11:00,")
    (problem,) = desk.problems()
    assert problem == (
        "calendar_days.csv, line 3: extra session 2026-02-02, 10:00 to 11:00 is spoken of before, in calendar_days.csv,"
        " line 2; keep one"
    )
    narrow = calendars(tmp_path, "XBOM,closed_day,2026-02-02,2026-02-06,,,", "XBOM,extra_session,2026-02-04,,,,")
    assert narrow.problems() == []
    assert [day for day in narrow.get("XBOM").days.tolist() if date(2026, 2, 2) <= day < date(2026, 2, 9)] == [
        date(2026, 2, 4)
    ]


def test_a_correction_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    desk = DeskCalendars(tmp_path / "calendar_days.csv")
    for days in (own(EXTRA, date(2026, 11, 23)), own(CLOSED, date(2012, 10, 29), calendar="NYSE")):
        with pytest.raises(Invalid, match="has it so already"):
            desk.check(days)
    with pytest.raises(Invalid, match="There is no exchange calendar 'XNOPE'"):
        desk.check(own(CLOSED, date(2026, 11, 23), calendar="XNOPE"))
    assert desk.check(own(CLOSED, date(2026, 11, 23), calendar="NYSE")).calendar == "XNYS"


def test_a_calendar_stays_the_same_object_until_the_file_changes(tmp_path: Path) -> None:
    desk = calendars(tmp_path, "XBOM,extra_session,2026-02-01,,,,")
    first = desk.get("XBOM")
    assert desk.get("XBOM") is first
    os.utime(tmp_path / "calendar_days.csv", (1, 1))
    assert desk.get("XBOM") is first
    assert calendars(tmp_path, "XBOM,extra_session,2026-02-08,,,,").get("XBOM") is not first
    assert desk.get("XNYS") is session_calendar("XNYS")


DAYS = st.dates(date(2026, 1, 1), date(2027, 3, 1))
OWN = st.builds(
    lambda kind, first, length: own(kind, first, first + timedelta(days=length)),
    st.sampled_from(OwnDaysKind), DAYS, st.integers(0, 40),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(OWN, max_size=6))
def test_a_corrected_calendar_is_still_a_calendar(several: list[OwnDays]) -> None:
    base = session_calendar("XBOM")
    assert all(problem_of(days, base) is None for days in several)
    made = corrected(base, several)
    assert np.all(np.diff(made.days.astype(np.int64)) > 0)
    assert np.all(made.opens < made.closes)
    assert np.all(made.closes[:-1] <= made.opens[1:])
    assert made.days[-1].item() <= made.last_day
    spoken = {days.first + timedelta(days=number) for days in several for number in range(days.length)}
    untouched = [day for day in base.days.tolist() if day not in spoken]
    assert set(untouched) <= set(made.days.tolist())
    for day in untouched[-30:]:
        at, before = np.searchsorted(made.days, np.datetime64(day)), np.searchsorted(base.days, np.datetime64(day))
        assert instant(made.opens[at]) == instant(base.opens[before])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(OWN, st.text("abc,;\"' \näß", max_size=12)), max_size=5))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, several: list[tuple[OwnDays, str]]
) -> None:
    kept: list[OwnDays] = []
    for days, reason in several:
        named = OwnDays(**{**vars(days), "reason": " ".join(reason.split())})
        if not any(named.contradicts(other) for other in kept):
            kept.append(named)
    file = tmp_path_factory.mktemp("own") / "calendar_days.csv"
    write_own_days(file, kept)
    read = read_own_days(file)
    assert read.problems == ()
    assert set(read.days) == set(kept)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_file_is_an_exception(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("own") / "calendar_days.csv"
    file.write_bytes(HEADER.encode() + content)
    desk = DeskCalendars(file)
    assert all(problem.startswith("calendar_days.csv") for problem in desk.problems())
    assert desk.get("XNYS").name == "XNYS"
