"""Experts over HTTP: their kinds, and the instances that are configured."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

DESK = {"expert": "PracticeDesk", "alias": "Desk", "settings": {"seconds": 2}}


async def test_experts_come_with_their_settings_and_what_they_lack(client: httpx.AsyncClient) -> None:
    experts = {expert["name"]: expert for expert in (await client.get("/experts")).json()["items"]}
    assert set(experts) == {"TechnicalRules", "DebateDesk", "PracticeDesk"}
    assert experts["PracticeDesk"]["settings_schema"]["properties"]["seconds"]["maximum"] == 3600
    (broker,) = experts["TechnicalRules"]["requirements"]
    assert (broker["met"], broker["subtypes"]) == (False, ["open_positions"])
    assert broker["sentence"] == "Open positions need a connected broker; none is configured"


async def test_an_expert_is_configured_changed_and_listed(client: httpx.AsyncClient) -> None:
    made = await client.post("/expert-instances", json={**DESK, "max_concurrent": 2, "timeout_seconds": 30})
    assert made.status_code == 201
    instance = made.json()
    assert (instance["alias"], instance["max_concurrent"], instance["timeout_seconds"]) == ("Desk", 2, 30)
    assert (instance["settings"]["seconds"], instance["revision"]) == (2, 1)
    path = f"/expert-instances/{instance['id']}"
    changed = (await client.patch(path, json={"settings": {"seconds": 5}, "enabled": False})).json()
    assert (changed["settings"]["seconds"], changed["revision"], changed["enabled"]) == (5, 2, False)
    assert (changed["alias"], changed["max_concurrent"]) == ("Desk", 2)
    listed = (await client.get("/expert-instances")).json()["items"]
    assert listed == [changed]


@pytest.mark.parametrize(
    ("wish", "status", "sentence"),
    [
        ({"expert": "Oracle"}, 404, "There is no expert Oracle; there are TechnicalRules, DebateDesk, PracticeDesk"),
        ({"alias": "  "}, 422, "An alias has 1 to 80 characters"),
        ({"max_reruns": 101}, 422, "max_reruns must be between 0 and 100, not 101"),
        ({"settings": {"seconds": -1}}, 409,
         "PracticeDesk: settings do not fit: seconds: Input should be greater than or equal to 0"),
        ({"expert": "DebateDesk", "settings": {"horizon": "soon"}}, 409,
         "DebateDesk: settings do not fit: horizon: Input should be 'short_term', 'medium_term' or 'long_term'"),
        ({"archived_at": None}, 422, "archived_at: Extra inputs are not permitted"),
        ({"alias": "Taken"}, 409, "There already is an expert called Taken"),
    ],
)  # fmt: skip
async def test_what_cannot_be_configured_is_refused_with_a_sentence(
    client: httpx.AsyncClient, wish: dict[str, Any], status: int, sentence: str
) -> None:
    await client.post("/expert-instances", json={**DESK, "alias": "Taken"})
    refused = await client.post("/expert-instances", json={**DESK, **wish})
    assert (refused.status_code, refused.json()["detail"]) == (status, sentence)


async def test_an_unknown_instance_is_not_found(client: httpx.AsyncClient) -> None:
    missing = await client.patch("/expert-instances/77", json={"enabled": False})
    assert (missing.status_code, missing.json()["detail"]) == (404, "Expert instance 77 not found")


async def test_a_disabled_expert_takes_no_work(client: httpx.AsyncClient) -> None:
    instance = (await client.post("/expert-instances", json={**DESK, "enabled": False})).json()
    refused = await client.post("/analyses", json={"expert_instance_id": instance["id"], "symbol": "AAPL"})
    assert (refused.status_code, refused.json()["code"]) == (409, "EXPERT_UNAVAILABLE")
    assert refused.json()["detail"] == "Desk cannot work: it is disabled"
