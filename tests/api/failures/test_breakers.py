"""Breakers over HTTP: waiting retries, an operator's open and close, and clear refusals."""

from __future__ import annotations

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.platforms import practice, row, running, submit, wait_until


def waiting(platform: Platform) -> int:
    """Return an analysis that waits an hour for its retry."""
    instance = practice(
        platform, fail_with="CONNECTION", max_retries=2, retry_base_seconds=7200, retry_cap_seconds=7200
    )
    analysis_id = submit(platform, instance)
    wait_until(platform, lambda: row(platform, analysis_id).retrying, "the retry")
    return analysis_id


async def test_a_waiting_retry_runs_now(client: httpx.AsyncClient, platform: Platform) -> None:
    with running(platform):
        analysis_id = waiting(platform)
        answer = await client.post(f"/analyses/{analysis_id}/run-now", json={"reason": "it is back"})
        assert answer.status_code == 202
        assert answer.json() == {
            "analysis_id": analysis_id, "sentence": f"Analysis {analysis_id} runs now (retry 1/2)",
        }  # fmt: skip
        wait_until(platform, lambda: row(platform, analysis_id).status == "completed", "the retry")


async def test_a_waiting_retry_is_stopped(client: httpx.AsyncClient, platform: Platform) -> None:
    with running(platform):
        analysis_id = waiting(platform)
        found = (await client.get(f"/analyses/{analysis_id}")).json()
        assert (found["status"], found["retries_used"], found["max_retries"]) == ("pending", 1, 2)
        assert (await client.post(f"/analyses/{analysis_id}/stop-retrying")).status_code == 202
        assert (await client.get(f"/analyses/{analysis_id}")).json()["status"] == "failed"


@pytest.mark.parametrize("verb", ["run-now", "stop-retrying"])
async def test_what_does_not_wait_is_refused(client: httpx.AsyncClient, platform: Platform, verb: str) -> None:
    analysis_id = submit(platform, practice(platform))
    refused = await client.post(f"/analyses/{analysis_id}/{verb}")
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_RETRYING")
    assert (await client.post(f"/analyses/4711/{verb}")).status_code == 404


async def test_a_breaker_is_opened_listed_and_closed(client: httpx.AsyncClient) -> None:
    opened = await client.post("/breakers/openai/open", json={"reason": "maintenance"})
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    listed = (await client.get("/breakers", params={"active": True})).json()["items"]
    assert [(found["provider"], found["opened_by"], found["reason"]) for found in listed] == [
        ("openai", "trader", "maintenance")
    ]
    again = await client.post("/breakers/openai/open", json={"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "BREAKER_OPEN")
    closed = await client.post("/breakers/openai/close", json={"reason": "it is over"})
    assert (closed.status_code, closed.json()["state"]) == (200, "draining")
    assert (await client.get("/breakers")).json()["items"][0]["close_reason"] == "it is over"


async def test_a_provider_with_a_slash_in_its_name_is_held_back_and_let_go(client: httpx.AsyncClient) -> None:
    opened = await client.post("/breakers/azure%2Fgpt-4/open", json={"reason": "maintenance"})
    assert (opened.status_code, opened.json()["provider"]) == (201, "azure/gpt-4")
    assert (await client.post("/breakers/azure/gpt-4/close", json={"reason": "over"})).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/breakers/openai/open", {}, 422, "INVALID"),
        ("/breakers/openai/open", {"reason": "   "}, 422, "REASON_REQUIRED"),
        ("/breakers/openai/open", {"reason": "x" * 501}, 422, "INVALID"),
        ("/breakers/openai/close", {"reason": "over"}, 404, "NOT_FOUND"),
        (f"/breakers/{'x' * 81}/open", {"reason": "why"}, 422, "INVALID"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(
    client: httpx.AsyncClient, path: str, body: dict[str, str], status: int, code: str
) -> None:
    refused = await client.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["detail"]
