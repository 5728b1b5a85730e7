"""Bulk re-runs over HTTP: previewed, accepted by their plan, and aborted, as a script does it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.vocabulary import BatchKind
from tests.api.clients import client_of
from tests.platforms import TRADER, drain, make_platform, practice, running, submit, wait_until

SYMBOLS = ("AAPL", "MSFT", "INTC", "COST", "AMD")


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Platform]:
    """A console at work, with five analyses that have failed and complete when they are done again."""
    with running(make_platform(tmp_path / "working")) as console:
        expert = practice(console, fail_with="RATE_LIMIT", fail_times=1)
        for symbol in SYMBOLS:
            submit(console, expert, symbol)
        drain(console)
        yield console


async def preview(client: httpx.AsyncClient, **wish: Any) -> dict[str, Any]:
    """Return the preview of what is asked for."""
    answer = await client.post("/bulk-reruns/preview", json=wish)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_script_previews_creates_and_watches(working: Platform) -> None:
    chosen = {"filter": {"status": ["failed"], "code": "RATE_LIMIT"}}
    async with client_of(working) as client:
        seen = await preview(client, **chosen)
        assert {key: seen[key] for key in ("total", "will_run", "skip", "blocked", "gone")} == {
            "total": 5, "will_run": 5, "skip": [], "blocked": [], "gone": 0,
        }  # fmt: skip
        assert [(error["code"], error["count"]) for error in seen["top_errors"]] == [("RATE_LIMIT", 5)]
        wish = {**chosen, "plan_hash": seen["plan_hash"], "reason": "the provider is back", "name": "Morning"}
        accepted = await client.post("/bulk-reruns", json=wish)
        assert accepted.status_code == 202
        bulk = accepted.json()
        assert (bulk["name"], bulk["state"], bulk["will_run"]) == ("Morning", "running", 5)
        assert bulk["filter"] == {"status": ["failed"], "code": "RATE_LIMIT"}
        path = f"/bulk-reruns/{bulk['id']}"
        await asyncio.to_thread(
            wait_until, working, lambda: working.batches.get(bulk["id"]).finished_at is not None, "the bulk re-run"
        )
        ended = (await client.get(path)).json()
        assert ended["state"] == "completed"
        assert ended["counts"] == {"total": 5, "queued": 0, "succeeded": 5, "failed": 0, "skipped": 0, "blocked": 0}
        items = (await client.get(f"{path}/items", params={"outcome": "succeeded", "limit": 3})).json()
        assert ([item["attempt"] for item in items["items"]], items["next_cursor"]) == ([2, 2, 2], 3)
        listed = (await client.get("/analyses", params={"bulk": bulk["id"], "bulk_outcome": "succeeded"})).json()
        assert len(listed["items"]) == 5
        assert [one["id"] for one in (await client.get("/bulk-reruns")).json()["items"]] == [bulk["id"]]


async def test_a_plan_that_changed_answers_409_with_the_new_plan(working: Platform) -> None:
    working.queue.pause(by=TRADER)
    ids = [row.id for row in working.monitoring.jobs.page().items]
    async with client_of(working) as client:
        seen = await preview(client, ids=ids)
        await client.post(f"/analyses/{ids[0]}/rerun", json={})
        answer = await client.post("/bulk-reruns", json={"ids": ids, "plan_hash": seen["plan_hash"], "reason": "again"})
        assert answer.status_code == 409
        problem = answer.json()
        assert problem["code"] == "PLAN_CHANGED"
        assert problem["detail"].startswith("The plan changed since the preview: 4 would run now, 5 before")
        plan = problem["details"]["plan"]
        assert (plan["will_run"], plan["skip"]) == (4, [{"reason": "already under way", "count": 1}])
        again = await client.post("/bulk-reruns", json={"ids": ids, "plan_hash": plan["plan_hash"], "reason": "again"})
        assert again.json()["counts"] == {
            "total": 5, "queued": 4, "succeeded": 0, "failed": 0, "skipped": 1, "blocked": 0,
        }  # fmt: skip
        aborted = await client.post(f"/bulk-reruns/{again.json()['id']}/abort", json={"reason": "wrong desk"})
        assert (aborted.status_code, aborted.json()["state"]) == (202, "aborted")


async def test_what_makes_no_sense_is_a_sentence(client: httpx.AsyncClient) -> None:
    for path, wish, status, sentence in (
        ("/preview", {}, 422, "give either filter or ids"),
        ("/preview", {"ids": [1], "filter": {}}, 422, "give either filter or ids"),
        ("/preview", {"ids": []}, 422, "Choose what to re-run"),
        ("/preview", {"filter": {"colour": "red"}}, 422, "Extra inputs are not permitted"),
        ("/preview", {"filter": {"finished_since": "2014-12-31T21:00:00"}}, 422, "needs a time zone"),
        ("/preview", {"filter": {}, "mode": "only"}, 422, "A bulk re-run is fresh or resume, not only"),
        ("", {"filter": {}, "reason": "again", "plan_hash": "0-0-0-x"}, 409, "The plan changed since the preview"),
        ("", {"filter": {}, "reason": "", "plan_hash": ""}, 422, "Say why these are re-run"),
    ):
        answer = await client.post(f"/bulk-reruns{path}", json=wish)
        assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True), answer.text
    assert (await client.get("/bulk-reruns/1")).json()["detail"] == "Batch 1 not found"
    assert (await client.post("/bulk-reruns/1/abort")).status_code == 404


async def test_twenty_clients_with_one_key_make_one_bulk_rerun(working: Platform) -> None:
    chosen = {"filter": {"status": ["failed"]}}
    async with client_of(working) as client:
        seen = await preview(client, **chosen)
        wish = {**chosen, "plan_hash": seen["plan_hash"], "reason": "the provider is back"}
        answers = await asyncio.gather(
            *(client.post("/bulk-reruns", json=wish, headers={"Idempotency-Key": "morning"}) for _ in range(20))
        )
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.text for answer in answers}) == 1
        assert sorted(answer.headers.get("Idempotency-Replayed", "") for answer in answers) == ["", *["true"] * 19]
        bulk_id = answers[0].json()["id"]
        await asyncio.to_thread(
            wait_until, working, lambda: working.batches.get(bulk_id).finished_at is not None, "the bulk re-run"
        )
        assert [bulk.id for bulk in working.batches.list(kind=BatchKind.BULK_RERUN).items] == [bulk_id]
        assert {row.attempt for row in working.monitoring.jobs.page().items} == {2}
        other = await client.post(
            "/bulk-reruns", json={**wish, "reason": "another"}, headers={"Idempotency-Key": "morning"}
        )
        assert other.status_code == 409
