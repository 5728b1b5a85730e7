"""Re-runs over HTTP: the plan, the parts, the limits, and a request that is repeated with the same key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.vocabulary import ActorKind
from tests.api.clients import client_of
from tests.fakes.side_effects import Orders
from tests.platforms import TRADER, drain, make_platform, practice, running, submit
from tests.sql import change, file_of, one


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def working(tmp_path: Path, orders: Orders) -> Iterator[Platform]:
    """A console whose worker works."""
    with running(make_platform(tmp_path / "working", side_effects=[orders])) as console:
        yield console


@pytest.fixture
async def http(working: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with client_of(working) as client:
        yield client


async def failed(platform: Platform, **more: Any) -> int:
    """Return an analysis of three steps that has failed in its last and will complete when it is done again."""
    expert = practice(platform, **{"fail_with": "RATE_LIMIT", "steps": 3, "outputs": 6, **more})
    analysis_id = submit(platform, expert)
    await asyncio.to_thread(drain, platform)
    return analysis_id


async def test_a_plan_is_asked_for_and_carried_out_as_it_said(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working)
    answer = await http.get(f"/analyses/{analysis_id}/rerun-plan", params={"mode": "resume"})
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["mode"], plan["attempt"], plan["status"], plan["guards"]) == ("resume", 1, "failed", [])
    assert [(step["name"], step["fate"]) for step in plan["steps"]] == [
        ("Practice step 1 of 3", "reused"), ("Practice step 2 of 3", "reused"), ("Practice step 3 of 3", "re-run"),
    ]  # fmt: skip
    assert plan["sentence"].startswith("2 of 3 steps kept, 1 done again; about ")
    body = {"mode": "resume", "plan_hash": plan["plan_hash"], "reason": "the provider is back"}
    done = await http.post(f"/analyses/{analysis_id}/rerun", json=body)
    assert done.status_code == 202
    queued = done.json()
    assert (queued["mode"], queued["steps_kept"], queued["warnings"]) == ("resume", 2, [])
    assert queued["sentence"] == (f"Analysis {analysis_id} queued for re-run (attempt 2, re-run 1/3, 2 steps kept)")
    await asyncio.to_thread(drain, working)
    steps = (await http.get(f"/analyses/{analysis_id}/steps")).json()["items"]
    assert [step["reused_from_attempt"] for step in steps] == [1, 1, None]


async def test_a_step_is_named_by_its_name_or_its_place(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working)
    for step in (2, "2", "Practice step 2 of 3"):
        found = await http.get(f"/analyses/{analysis_id}/rerun-plan", params={"mode": "only", "step": step})
        assert found.json()["step"] == "Practice step 2 of 3"
    refused = await http.post(f"/analyses/{analysis_id}/rerun", json={"mode": "only", "step": 4})
    assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_STEP")
    assert (await http.get(f"/analyses/{analysis_id}")).json()["status"] == "failed"
    accepted = await http.post(f"/analyses/{analysis_id}/rerun", json={"mode": "only", "step": 3})
    assert accepted.json()["steps_kept"] == 2


async def test_a_stale_hash_answers_409_with_the_new_plan(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working, fail_times=-1)
    plan = (await http.get(f"/analyses/{analysis_id}/rerun-plan")).json()
    await http.post(f"/analyses/{analysis_id}/rerun")
    await asyncio.to_thread(drain, working)
    refused = await http.post(f"/analyses/{analysis_id}/rerun", json={"plan_hash": plan["plan_hash"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "PLAN_CHANGED")
    renewed = refused.json()["details"]["plan"]
    assert (renewed["attempt"], renewed["plan_hash"] != plan["plan_hash"]) == (2, True)
    accepted = await http.post(f"/analyses/{analysis_id}/rerun", json={"plan_hash": renewed["plan_hash"]})
    assert accepted.status_code == 202


async def test_only_a_failed_analysis_has_a_plan(client: httpx.AsyncClient, platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    refused = await client.get(f"/analyses/{analysis_id}/rerun-plan")
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_FAILED")
    assert (await client.get("/analyses/4711/rerun-plan")).status_code == 404


async def test_the_fourth_rerun_answers_429_and_an_override_with_a_reason_runs(
    working: Platform, http: httpx.AsyncClient
) -> None:
    analysis_id = await failed(working, fail_times=-1)
    change(file_of(working), "UPDATE market_analysis SET reruns_used = 3")
    refused = await http.post(f"/analyses/{analysis_id}/rerun")
    assert (refused.status_code, refused.json()["code"]) == (429, "RETRY_LIMIT")
    assert refused.json()["detail"].endswith("re-run 4/3 needs an override with a reason")
    assert "retry-after" not in refused.headers
    unsaid = await http.post(f"/analyses/{analysis_id}/rerun", json={"override": True})
    assert (unsaid.status_code, unsaid.json()["code"]) == (409, "REASON_REQUIRED")
    accepted = await http.post(f"/analyses/{analysis_id}/rerun", json={"override": True, "reason": "last try"})
    assert (accepted.status_code, accepted.json()["reruns_used"], accepted.json()["max_reruns"]) == (202, 4, 3)


async def test_a_runaway_script_is_told_when_to_come_back(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, reruns_per_minute=1)
    async with client_of(platform) as client:
        answers = [await client.post("/analyses/1/rerun") for _ in range(2)]
    platform.stop()
    assert [answer.status_code for answer in answers] == [404, 429]
    assert answers[1].json()["code"] == "RATE_LIMITED"
    assert 1 <= int(answers[1].headers["retry-after"]) <= 60


async def test_a_permanent_failure_is_accepted_and_warned_of(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working, fail_with="AUTH")
    verdict = (await http.get(f"/analyses/{analysis_id}/verdict")).json()["headline"]
    accepted = await http.post(f"/analyses/{analysis_id}/rerun")
    assert (accepted.status_code, accepted.json()["warnings"]) == (202, [verdict])
    assert verdict.startswith("Permanent: fix first (API key refused by practice")


async def test_what_something_acts_on_needs_an_acknowledgement(
    working: Platform, http: httpx.AsyncClient, orders: Orders
) -> None:
    analysis_id = await failed(working)
    order = orders.place(analysis_id)
    refused = await http.post(f"/analyses/{analysis_id}/rerun")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFIRMATION_REQUIRED")
    assert refused.json()["details"]["side_effects"] == [order.to_json()]
    body = {"acknowledge": True, "reason": "the order is wanted anyway"}
    assert (await http.post(f"/analyses/{analysis_id}/rerun", json=body)).status_code == 202


async def test_the_same_key_is_answered_as_the_first_time(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working)
    headers, body = {"Idempotency-Key": "monday-1"}, {"reason": "the provider is back"}
    first = await http.post(f"/analyses/{analysis_id}/rerun", json=body, headers=headers)
    await asyncio.to_thread(drain, working)
    second = await http.post(f"/analyses/{analysis_id}/rerun", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert len(working.monitoring.details.attempts(analysis_id)) == 2


async def test_two_requests_at_once_with_one_key_are_one_rerun(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working)
    working.queue.pause(by=working.actor(ActorKind.API))
    sent = [http.post(f"/analyses/{analysis_id}/rerun", headers={"Idempotency-Key": "once"}) for _ in range(12)]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text.replace(" ", "") for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert one(file_of(working), "SELECT reruns_used FROM market_analysis") == 1


async def test_a_key_belongs_to_one_request(working: Platform, http: httpx.AsyncClient) -> None:
    first, second = await failed(working, alias="One"), await failed(working, alias="Two")
    headers = {"Idempotency-Key": "monday-2"}
    await http.post(f"/analyses/{first}/rerun", json={"reason": "one"}, headers=headers)
    reused = await http.post(f"/analyses/{first}/rerun", json={"reason": "two"}, headers=headers)
    assert (reused.status_code, reused.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert reused.json()["detail"] == ("This Idempotency-Key was already used for another request; choose a new one")
    elsewhere = await http.post(f"/analyses/{second}/rerun", json={"reason": "one"}, headers=headers)
    assert "idempotency-replayed" not in elsewhere.headers


async def test_what_was_refused_is_not_remembered(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working)
    headers, body = {"Idempotency-Key": "again"}, {"mode": "only", "step": "Practice step 3 of 3"}
    change(file_of(working), "UPDATE market_analysis SET reruns_used = 3")
    assert (await http.post(f"/analyses/{analysis_id}/rerun", json=body, headers=headers)).status_code == 429
    change(file_of(working), "UPDATE market_analysis SET reruns_used = 0")
    assert (await http.post(f"/analyses/{analysis_id}/rerun", json=body, headers=headers)).status_code == 202


async def test_a_key_is_kept_for_a_day(working: Platform, http: httpx.AsyncClient) -> None:
    analysis_id = await failed(working, fail_times=-1)
    headers = {"Idempotency-Key": "daily"}
    await http.post(f"/analyses/{analysis_id}/rerun", headers=headers)
    await asyncio.to_thread(drain, working)
    change(file_of(working), "UPDATE idempotency_key SET created_at = datetime(created_at, '-24 hours', '-1 second')")
    await http.post(f"/analyses/{analysis_id}/rerun", headers=headers)
    assert len(working.monitoring.details.attempts(analysis_id)) == 3


@pytest.mark.parametrize("key", ["", "k" * 201, "two words"])
async def test_a_key_has_a_bounded_form(client: httpx.AsyncClient, key: str) -> None:
    refused = await client.post("/analyses/1/rerun", headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID")


async def test_a_rerun_is_withdrawn_once_and_only_before_it_is_claimed(
    http: httpx.AsyncClient, working: Platform
) -> None:
    analysis_id = await failed(working)
    working.queue.pause(by=TRADER)
    await http.post(f"/analyses/{analysis_id}/rerun", json={})
    answer = await http.post(f"/analyses/{analysis_id}/withdraw", json={"reason": "the wrong row"})
    assert answer.status_code == 200
    assert answer.json() | {"updated_at": None} == {
        "analysis_id": analysis_id, "status": "failed", "attempt": 1, "reruns_used": 0, "max_reruns": 3,
        "updated_at": None,
        "sentence": f"Re-run of analysis {analysis_id} withdrawn: "
        "it stands failed as it was after attempt 1 (re-run 0/3)",
    }  # fmt: skip
    again = await http.post(f"/analyses/{analysis_id}/withdraw")
    assert (again.status_code, again.json()["code"]) == (409, "NOT_WITHDRAWABLE")
    assert (await http.post("/analyses/999/withdraw", json={})).status_code == 404
    assert (await http.post(f"/analyses/{analysis_id}/withdraw", json={"why": "x"})).status_code == 422
