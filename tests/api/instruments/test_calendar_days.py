"""Calendar days over HTTP: how far a calendar reaches, and a desk's corrections, refused with a sentence."""

from __future__ import annotations

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.sql import ask

SUNDAY = {"calendar": "XBOM", "kind": "extra_session", "first": "2026-02-01", "reason": "Budget Sunday"}


def audit(platform: Platform) -> list[tuple[object, ...]]:
    query = (
        "SELECT what, subject_key, before, after, reason FROM activity_log WHERE subject_type = 'calendar' ORDER BY id"
    )
    return ask(platform.settings.data_dir / "ba2.db", query)


def lay(platform: Platform, text: str) -> None:
    """Write the desk's file, as a person does with an editor."""
    (platform.settings.data_dir / "calendar_days.csv").write_text(text)


def kept(platform: Platform) -> str:
    """Return what stands in the desk's file."""
    return (platform.settings.data_dir / "calendar_days.csv").read_text()


async def test_days_are_added_listed_and_removed(client: httpx.AsyncClient, platform: Platform) -> None:
    added = await client.post("/calendar-days", json=SUNDAY)
    assert (added.status_code, added.json()["sentence"]) == (
        201,
        "XBOM: extra session 2026-02-01 added; it is known until 2026-12-31",
    )
    listed = (await client.get("/calendar-days")).json()
    assert listed["problems"] == []
    assert listed["items"] == [{**SUNDAY, "last": "2026-02-01", "opens": None, "closes": None}]
    gone = await client.post("/calendar-days/remove", json={"calendar": "XBOM", "first": "2026-02-01", "reason": "no"})
    assert gone.json()["sentence"] == "XBOM: extra session 2026-02-01 removed"
    assert (await client.get("/calendar-days")).json()["items"] == []
    again = await client.post("/calendar-days/remove", json={"calendar": "XBOM", "first": "2026-02-01"})
    assert (again.status_code, again.json()["detail"]) == (404, "There is no calendar day of XBOM on 2026-02-01")
    assert audit(platform) == [
        ("create", "XBOM", None, "extra session 2026-02-01", "Budget Sunday"),
        ("remove", "XBOM", "extra session 2026-02-01", None, "no"),
    ]


async def test_a_calendar_says_how_far_it_reaches_with_the_days_of_the_desk(client: httpx.AsyncClient) -> None:
    mumbai = (await client.get("/calendars/XBOM")).json()
    assert (mumbai["first"], mumbai["last"], mumbai["zone"]) == ("1997-01-01", "2026-12-31", "Asia/Kolkata")
    assert mumbai["sentence"].startswith("The XBOM calendar ends on 2026-12-31")
    spring = {**SUNDAY, "first": "2027-01-01", "last": "2027-03-31"}
    await client.post("/calendar-days", json=spring)
    assert (await client.get("/calendars/XBOM")).json()["last"] == "2027-03-31"
    assert (await client.get("/calendars/XNOPE")).status_code == 404
    assert (await client.get("/calendars/24/7")).json()["last"] == "2050-12-31"
    names = (await client.get("/calendars")).json()["items"]
    assert "XBOM" in names
    assert "XTAE" not in names


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"calendar": "XNOPE"}, 409, "There is no exchange calendar 'XNOPE'"),
        ({"first": "2026-02-02"}, 409, "XBOM has it so already: extra session 2026-02-02"),
        ({"kind": "closed_day"}, 409, "XBOM has it so already: closed day 2026-02-01"),
        ({"opens": "18:00"}, 409, "Give both the open and the close, or neither"),
        ({"last": "2026-01-01"}, 409, "2026-02-01 to 2026-01-01 ends before it begins"),
        ({"first": "1980-02-01"}, 409, "extra session 1980-02-01 lies outside of 1997-01-01 to 2100-12-31"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(
    client: httpx.AsyncClient, platform: Platform, change: dict[str, str], status: int, detail: str
) -> None:
    answer = await client.post("/calendar-days", json={**SUNDAY, **change})
    assert (answer.status_code, answer.json()["detail"][: len(detail)]) == (status, detail)
    assert audit(platform) == []
    assert not (platform.settings.data_dir / "calendar_days.csv").exists()


async def test_two_words_about_one_day_are_refused(client: httpx.AsyncClient) -> None:
    await client.post("/calendar-days", json=SUNDAY)
    answer = await client.post("/calendar-days", json={**SUNDAY, "kind": "closed_day"})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "XBOM has extra session 2026-02-01 already: remove that first",
    )


async def test_a_file_that_cannot_be_read_is_not_written_over(client: httpx.AsyncClient, platform: Platform) -> None:
    lay(platform, text := "calendar,kind,first\nXNYS,holiday,2026-12-24\n")
    answer = await client.post("/calendar-days", json=SUNDAY)
    assert (answer.status_code, answer.json()["code"]) == (409, "CALENDAR_DAYS")
    assert "calendar_days.csv, line 2: kind holiday" in answer.json()["detail"]
    assert kept(platform) == text
    assert len((await client.get("/calendar-days")).json()["problems"]) == 1
