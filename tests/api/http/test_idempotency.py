"""Idempotency-Key: a request that is sent twice with one key is carried out once, at every route that writes."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform
from tests.platforms import TRADER, practice
from tests.sql import ask, change, file_of, one

KEY = {"Idempotency-Key": "monday"}


async def test_every_write_route_takes_a_key(client: httpx.AsyncClient, platform: Platform) -> None:
    described = create_api(platform).openapi()["paths"]
    found = [(method, path) for path, operations in described.items() for method in operations if method != "get"]
    assert len(found) > 80
    for method, path in found:
        url = re.sub(r"{\w+}", "1", path).removeprefix("/api/v1")
        refused = await client.request(method, url, json={}, headers={"Idempotency-Key": "two words"})
        assert (refused.status_code, refused.json()["detail"][:15]) == (422, "Idempotency-Key"), path
        operation = described[path][method]
        assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]], path
        assert "409" in operation["responses"], path


EXPERT = {"expert": "PracticeDesk", "alias": "Second desk"}
PROVIDER = {
    "name": "local",
    "kind": "openai",
    "quick_model": "m",
    "deep_model": "m",
    "base_url": "http://127.0.0.1:9/v1",
}
CHANNEL = {"name": "Hook", "url": "json://127.0.0.1:9/hook"}
DONE_ONCE: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/watchlists", {"name": "Morning"}),
    ("POST", "/expert-instances", EXPERT),
    ("POST", "/providers", PROVIDER),
    ("POST", "/notification-channels", CHANNEL),
    ("POST", "/queue/pause", {"reason": "lunch"}),
    ("POST", "/backups", None),
    ("PUT", "/heartbeat", {"url": "http://127.0.0.1:9/ping"}),
    ("DELETE", "/watchlists/1", None),
]


@pytest.mark.parametrize(("method", "path", "body"), DONE_ONCE, ids=[f"{row[0]} {row[1]}" for row in DONE_ONCE])
async def test_a_repeated_request_is_answered_as_the_first_time(
    client: httpx.AsyncClient, platform: Platform, method: str, path: str, body: dict[str, Any] | None
) -> None:
    platform.instruments.watchlists.create("Old list", by=TRADER)
    first = await client.request(method, path, json=body, headers=KEY)
    assert first.is_success, first.text
    lines = one(file_of(platform), "SELECT count(*) FROM activity_log")
    again = await client.request(method, path, json=body, headers=KEY)
    assert (again.status_code, again.text.replace(" ", "")) == (first.status_code, first.text.replace(" ", ""))
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert one(file_of(platform), "SELECT count(*) FROM activity_log") == lines


async def test_what_writes_nothing_is_done_once_too(client: httpx.AsyncClient, platform: Platform) -> None:
    platform.notifications.channels.create("Hook", "json://127.0.0.1:9/hook", by=TRADER)
    first, again = [await client.post("/notification-channels/1/test", headers=KEY) for _ in range(2)]
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


async def test_many_at_once_with_one_key_are_one(client: httpx.AsyncClient, platform: Platform) -> None:
    sent = [client.post("/watchlists", json={"name": "Morning"}, headers=KEY) for _ in range(12)]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {201}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert [each.name for each in platform.instruments.watchlists.list()] == ["Morning"]


async def test_what_was_done_and_lost_its_answer_is_not_done_again(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    body = {"name": "Morning"}
    await client.post("/watchlists", json=body, headers=KEY)
    change(file_of(platform), "UPDATE idempotency_key SET status = NULL, answer = NULL")  # as a kill leaves it
    change(file_of(platform), "UPDATE watchlist SET name = 'Evening'")
    again = await client.post("/watchlists", json=body, headers=KEY)
    assert (again.status_code, again.json()["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert again.headers["retry-after"] == "1"
    assert ask(file_of(platform), "SELECT name FROM watchlist") == [("Evening",)]


async def test_a_key_is_taken_by_what_is_committed_only(client: httpx.AsyncClient, platform: Platform) -> None:
    made = platform.instruments.watchlists.create("Morning", by=TRADER)
    refused = await client.post("/watchlists", json={"name": "Morning"}, headers=KEY)
    assert refused.status_code == 409
    assert ask(file_of(platform), "SELECT * FROM idempotency_key") == []
    platform.instruments.watchlists.delete(made.id, by=TRADER)
    assert (await client.post("/watchlists", json={"name": "Morning"}, headers=KEY)).status_code == 201


async def test_a_key_of_one_console_path_and_body_is_no_others(client: httpx.AsyncClient, platform: Platform) -> None:
    expert = practice(platform)
    assert (await client.post("/watchlists", json={"name": "Morning"}, headers=KEY)).status_code == 201
    other = await client.post("/watchlists", json={"name": "Evening"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    wish = {"expert_instance_ids": [expert], "symbols": ["AAPL"]}
    assert (await client.post("/batches", json=wish, headers=KEY)).status_code == 202


async def test_an_answer_too_long_to_be_kept_is_said_to_be(client: httpx.AsyncClient) -> None:
    wish = {"text": "symbol,name\n" + "".join(f"S{number},{'x' * 100}\n" for number in range(18_000))}
    first = await client.post("/instruments/import", json=wish, headers=KEY)
    assert (first.status_code, len(first.content) > 1_000_000) == (200, True)
    again = await client.post("/instruments/import", json=wish, headers=KEY)
    assert (again.status_code, again.json()["code"]) == (409, "IDEMPOTENCY_ANSWER_NOT_KEPT")
    assert again.headers["content-type"] == "application/problem+json"
