"""Trials over HTTP: begun, asked for, cancelled, and refused with a sentence."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.eventually import eventually

PRACTICE = "/experts/PracticeDesk/trial"


async def ended(client: httpx.AsyncClient, trial_id: int) -> dict[str, Any]:
    """Return the trial once it has ended."""
    found: dict[str, Any] = {}

    async def look() -> None:
        found.update((await client.get(f"/trials/{trial_id}")).json())
        assert found["outcome"] is not None

    await eventually(look)
    return found


async def test_an_expert_is_tried_and_nothing_is_submitted(client: httpx.AsyncClient) -> None:
    begun = await client.post(PRACTICE, json={"symbol": "aapl", "settings": {"action": "SELL"}})
    assert begun.status_code == 202
    trial = await ended(client, begun.json()["id"])
    assert (trial["outcome"], trial["symbol"], trial["verdict"]["action"]) == ("completed", "AAPL", "SELL")
    assert trial["sentence"].startswith("A trial: not kept, never traded. PracticeDesk on AAPL: SELL")
    assert trial["spend"]["calls"] == 0
    assert (await client.get("/analyses")).json()["items"] == []


async def test_a_trial_is_cancelled(client: httpx.AsyncClient) -> None:
    settings = {"hang": "cooperative", "fail_times": -1}
    begun = (await client.post(PRACTICE, json={"symbol": "AAPL", "settings": settings})).json()
    assert begun["outcome"] is None
    cancelled = (await client.post(f"/trials/{begun['id']}/cancel")).json()
    assert (cancelled["outcome"], cancelled["verdict"], cancelled["error_code"]) == ("cancelled", None, None)
    assert cancelled["sentence"] == "A trial: not kept, never traded. PracticeDesk on AAPL cancelled: it was stopped"


@pytest.mark.parametrize(
    ("name", "body", "status", "sentence"),
    [
        ("Oracle", {"symbol": "AAPL"}, 404, "There is no expert Oracle"),
        ("PracticeDesk", {"symbol": "AAPL", "expert_instance_id": 7}, 404, "Expert instance 7 not found"),
        ("PracticeDesk", {"symbol": "A B"}, 422, "A B is no symbol"),
        ("PracticeDesk", {}, 422, "symbol"),
        ("PracticeDesk", {"symbol": "AAPL", "settings": {"steps": 0}}, 409, "steps: Input should be greater"),
        ("PracticeDesk", {"symbol": "AAPL", "timeout_seconds": 0}, 422, "timeout_seconds must be between"),
    ],
)
async def test_what_cannot_be_tried_is_a_problem(
    client: httpx.AsyncClient, name: str, body: dict[str, Any], status: int, sentence: str
) -> None:
    refused = await client.post(f"/experts/{name}/trial", json=body)
    assert refused.status_code == status
    assert sentence in refused.json()["detail"]


async def test_settings_that_do_not_fit_are_told_field_by_field(client: httpx.AsyncClient) -> None:
    body = {"expert": "PracticeDesk", "alias": "Desk", "settings": {"steps": 0, "seconds": "long"}}
    refused = (await client.post("/expert-instances", json=body)).json()
    assert [one["field"] for one in refused["details"]["fields"]] == ["seconds", "steps"]


async def test_a_trial_that_never_was_is_not_found(client: httpx.AsyncClient, platform: Platform) -> None:
    for answer in (await client.get("/trials/5"), await client.post("/trials/5/cancel")):
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
