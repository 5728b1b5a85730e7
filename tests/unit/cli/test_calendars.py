"""Calendar commands: how far a calendar reaches, and a desk's corrections of it."""

from __future__ import annotations

from tests.unit.cli.command_line import Run


def test_days_are_added_listed_and_removed(run: Run) -> None:
    assert run("calendars", "list").out.startswith("Every calendar is as it is recorded.")
    added = run("calendars", "add", "XBOM", "extra_session", "2026-11-08", "--opens", "18:00", "--closes", "19:00")
    assert added.out == ("XBOM: extra session 2026-11-08, 18:00 to 19:00 added; it is known until 2026-12-31\n")
    assert run("calendars", "list").out == "XBOM       extra_session  2026-11-08 18:00 to 19:00\n"
    assert run("calendars", "remove", "XBOM", "2026-11-08").out == (
        "XBOM: extra session 2026-11-08, 18:00 to 19:00 removed\n"
    )
    gone = run("calendars", "remove", "XBOM", "2026-11-08")
    assert (gone.code, gone.err) == (4, "There is no calendar day of XBOM on 2026-11-08\n")


def test_a_calendar_says_how_far_it_reaches(run: Run) -> None:
    assert run("calendars", "show", "XSES").out.startswith("1986-01-01 to 2026-12-31. The XSES calendar ends on")
    assert run("calendars", "show", "NOPE").code == 4
