"""Batches over HTTP: submitted, watched, paused and cancelled, as a script does it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.platforms import practice, submit

SYMBOLS = ["AAPL", "MSFT", "INTC"]


async def posted(client: httpx.AsyncClient, path: str, status: int = 202, **wish: Any) -> dict[str, Any]:
    """Press a button and return its answer."""
    answer = await client.post(path, json=wish)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_a_script_previews_submits_watches_pauses_and_cancels(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    desk = practice(platform)
    submit(platform, desk, "MSFT")
    wish = {"expert_instance_ids": [desk], "symbols": [*SYMBOLS, "A B"], "name": "Morning"}
    seen = await posted(client, "/batches/preview", 200, **wish)
    assert {key: seen[key] for key in ("total", "queued", "duplicates", "blocked", "estimated_seconds")} == {
        "total": 4, "queued": 2, "duplicates": 1, "blocked": 1, "estimated_seconds": None,
    }  # fmt: skip
    accepted = await posted(client, "/batches", **wish)
    path = f"/batches/{accepted['id']}"
    assert accepted["sentence"] == f"Batch {accepted['id']}: 2 analyses queued, 1 already under way, 1 not possible"
    batch = (await client.get(path)).json()
    assert (batch["name"], batch["kind"], batch["source"], batch["state"]) == ("Morning", "submit", "api", "running")
    assert batch["counts"]["queued"] == 2
    items = (await client.get(f"{path}/items", params={"outcome": "blocked"})).json()
    assert [(item["position"], item["symbol"]) for item in items["items"]] == [(4, "A B")]
    paused = await posted(client, f"{path}/pause", reason="later")
    assert (paused["state"], paused["stopped_by"], paused["reason"]) == ("paused", "trader", "later")
    listed = (await client.get("/batches", params={"state": "paused"})).json()
    assert [one["id"] for one in listed["items"]] == [accepted["id"]]
    assert (await posted(client, f"{path}/resume"))["state"] == "running"
    assert (await posted(client, f"{path}/cancel"))["state"] == "cancelled"
    assert (await posted(client, f"{path}/pause", 409))[
        "detail"
    ] == f"Batch {accepted['id']} has already ended: cancelled"


async def test_the_same_key_makes_one_batch(client: httpx.AsyncClient, platform: Platform) -> None:
    wish = {"expert_instance_ids": [practice(platform)], "symbols": SYMBOLS}
    first, again = [await client.post("/batches", json=wish, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await client.get("/batches")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("wish", "status", "sentence"),
    [
        ({}, 422, "give one of symbols, watchlist_id and everything"),
        ({"symbols": SYMBOLS, "everything": True}, 422, "give one of symbols, watchlist_id and everything"),
        ({"symbols": []}, 422, "Choose at least one symbol"),
        ({"everything": True}, 409, "The desk knows no instruments yet"),
        ({"symbols": ["AAPL"], "expert_instance_ids": []}, 422, "Choose at least one expert"),
        ({"symbols": ["AAPL"], "as_of": "2099-01-01"}, 409, "The XNYS calendar is computed until 2050-12-31"),
    ],
)
async def test_what_cannot_be_a_batch_is_refused_with_a_sentence(
    client: httpx.AsyncClient, platform: Platform, wish: dict[str, Any], status: int, sentence: str
) -> None:
    refused = await posted(client, "/batches", status, **{"expert_instance_ids": [practice(platform)], **wish})
    assert sentence in refused["detail"]


async def test_unknown_batches_watchlists_and_experts_are_404(client: httpx.AsyncClient, platform: Platform) -> None:
    desk = practice(platform)
    for verb in ("pause", "resume", "cancel", "rerun-failed"):
        assert (await posted(client, f"/batches/99/{verb}", 404))["detail"] == "Batch 99 not found"
    for path in ("/batches/99", "/batches/99/items"):
        assert (await client.get(path)).status_code == 404
    lost = await posted(client, "/batches", 404, expert_instance_ids=[desk], watchlist_id=99)
    assert lost["detail"] == "Watchlist 99 not found"
    assert (await posted(client, "/batches", 404, expert_instance_ids=[4711], symbols=SYMBOLS))["code"] == "NOT_FOUND"
