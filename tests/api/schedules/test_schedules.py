"""Schedules over HTTP: a script makes them, runs them and reads their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import drain, make_platform, practice, running

MORNING: dict[str, Any] = {
    "name": "Morning",
    "expert_instance_id": 1,
    "timing": {"kind": "times", "times": ["09:30"]},
    "zone": "Europe/Berlin",
    "calendar": "XNYS",
    "symbols": ["AAPL", "MSFT"],
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Platform]:
    """A console that works, with an expert that fails."""
    with running(make_platform(tmp_path)) as platform:
        practice(platform, "Fails", fail_with="AUTH")
        yield platform


@pytest.fixture
async def api(desk: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that console."""
    async with client_of(desk) as client:
        yield client


async def test_a_schedule_is_made_foreseen_changed_copied_switched_and_archived(api: httpx.AsyncClient) -> None:
    preview = (await api.post("/schedules/preview", json=MORNING, params={"count": 3})).json()
    assert preview["words"] == "Mon-Fri at 09:30, Europe/Berlin; not on days without an XNYS session"
    assert (len(preview["times"]), preview["problems"]) == (3, [])
    made = await api.post("/schedules", json=MORNING)
    assert made.status_code == 201
    schedule = made.json()
    assert schedule["next_at"] == preview["times"][0]
    next_times = (await api.get("/schedules/1/next", params={"count": 3})).json()
    assert next_times["times"] == preview["times"]

    changed = await api.put("/schedules/1", json=MORNING | {"name": "Noon", "version": 1})
    assert (changed.json()["name"], changed.json()["version"]) == ("Noon", 2)
    again = await api.put("/schedules/1", json=MORNING | {"version": 1})
    assert (again.status_code, again.json()["code"]) == (409, "CHANGED")

    copy = (await api.post("/schedules/1/duplicate")).json()
    assert (copy["name"], copy["enabled"], copy["next_at"]) == ("Noon (2)", False, None)
    assert (await api.post("/schedules/2/enable")).json()["next_at"]
    assert not (await api.post("/schedules/2/disable")).json()["enabled"]
    assert (await api.delete("/schedules/2")).status_code == 204
    names = [each["name"] for each in (await api.get("/schedules")).json()["items"]]
    archived = [each["name"] for each in (await api.get("/schedules", params={"archived": True})).json()["items"]]
    assert (names, archived) == (["Noon"], ["Noon (2)"])
    assert (await api.get("/schedules/404")).status_code == 404


async def test_what_is_wrong_with_a_schedule_is_said_in_sentences(api: httpx.AsyncClient) -> None:
    wrong = MORNING | {"name": "", "zone": "Nowhere", "calendar": "NOPE", "expert_instance_id": 9, "symbols": []}
    preview = (await api.post("/schedules/preview", json=wrong)).json()
    assert preview["problems"] == [
        "There is no time zone Nowhere; for example Europe/Berlin",
        "There is no exchange calendar 'NOPE'",
        "Give it a name",
        "Choose an expert",
        "Choose symbols or a watchlist",
    ]
    refused = await api.post("/schedules", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (409, "SCHEDULE_INVALID")
    assert refused.json()["details"]["problems"] == preview["problems"]


async def test_runs_are_listed_read_and_acknowledged(api: httpx.AsyncClient, desk: Platform) -> None:
    await api.post("/schedules", json=MORNING)
    begun = await api.post("/schedules/1/run")
    assert (begun.status_code, begun.json()["sentence"]) == (202, "Morning runs now (run 1)")
    drain(desk)
    (run,) = (await api.get("/runs", params={"state": "failed", "schedule": 1, "unseen": True})).json()["items"]
    assert (run["reason"], run["trigger"], run["items"]["failed"]) == ("2 of 2 failed: AUTH", "manual", 2)
    assert (await api.get("/schedules/1")).json()["unseen"] == 1
    seen = (await api.post("/runs/1/acknowledge", json={"reason": "the key is being changed"})).json()
    assert (seen["acknowledged_by"], seen["acknowledge_reason"]) == ("trader", "the key is being changed")
    assert (await api.get("/runs", params={"unseen": True})).json()["items"] == []
    assert (await api.post("/schedules/1/acknowledge")).json()["acknowledged"] == 0
    assert (await api.get("/runs", params={"from": run["planned_at"], "limit": 1})).json()["items"] == [seen]
    assert (await api.get("/runs", params={"to": run["planned_at"]})).json()["items"] == []
    assert (await api.get("/runs/summary", params={"day": "2026-01-01"})).json()["planned"] == 0
    assert (await api.get("/runs", params={"cursor": "yesterday"})).json()["code"] == "INVALID_CURSOR"
    assert (await api.post("/runs/404/acknowledge")).status_code == 404


async def test_every_run_is_on_exactly_one_page(api: httpx.AsyncClient) -> None:
    await api.post("/schedules", json=MORNING)
    for _ in range(5):
        await api.post("/schedules/1/run")
    found, cursor = [], None
    while True:
        page = (await api.get("/runs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += [run["id"] for run in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [5, 4, 3, 2, 1]


async def test_a_day_beyond_every_calendar_is_refused(api: httpx.AsyncClient) -> None:
    for day in ("9999-12-31", "9999-12-30", "0001-01-01"):
        refused = await api.get(f"/runs/summary?day={day}")
        assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_DAY")
    assert (await api.get("/runs/summary?day=1970-01-01")).status_code == 200
