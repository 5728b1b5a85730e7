"""Analyses over HTTP: submitted, listed, shown, cancelled and deleted, as a script does it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.vocabulary import ActorKind
from tests.api.clients import client_of
from tests.platforms import drain, make_platform, practice, running, submit


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Platform]:
    """A console whose worker works."""
    with running(make_platform(tmp_path / "working")) as console:
        yield console


def failed(platform: Platform, **more: Any) -> int:
    """Return an analysis that has failed and will complete when it is done again."""
    chosen = {"fail_with": "RATE_LIMIT", "outputs": 15, "recommend_before_failing": True, **more}
    analysis_id = submit(platform, practice(platform, **chosen))
    drain(platform)
    return analysis_id


async def test_a_script_submits_an_analysis_and_reads_all_of_it(working: Platform) -> None:
    async with client_of(working) as client:
        desk = practice(working, outputs=4, steps=2)
        accepted = await client.post("/analyses", json={"expert_instance_id": desk, "symbol": "aapl"})
        assert accepted.status_code == 202
        analysis_id = accepted.json()["analysis_id"]
        assert accepted.json() == {
            "analysis_id": analysis_id, "status": "pending", "attempt": 1, "is_duplicate": False,
            "sentence": f"Analysis {analysis_id} queued for expert Practice desk and symbol AAPL",
        }  # fmt: skip
        await asyncio.to_thread(drain, working)

        analysis = (await client.get(f"/analyses/{analysis_id}")).json()
        assert (analysis["status"], analysis["symbol"], analysis["source"]) == ("completed", "AAPL", "api")
        assert analysis["created_at"].endswith("Z")
        assert datetime.fromisoformat(analysis["finished_at"]) >= datetime.fromisoformat(analysis["started_at"])
        steps = (await client.get(f"/analyses/{analysis_id}/steps")).json()["items"]
        assert [step["status"] for step in steps] == ["completed", "completed"]
        assert len((await client.get(f"/analyses/{analysis_id}/outputs")).json()["items"]) == 4
        recommendation = (await client.get(f"/analyses/{analysis_id}/recommendation")).json()
        assert recommendation["action"] in ("BUY", "SELL", "HOLD")
        assert recommendation["is_current"] is True
        (attempt,) = (await client.get(f"/analyses/{analysis_id}/attempts")).json()["items"]
        assert (attempt["actor"], attempt["actor_kind"], attempt["outcome"]) == ("trader", "api", "completed")


async def test_a_duplicate_answers_200_with_the_analysis_that_waits(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    wish = {"expert_instance_id": practice(platform), "symbol": "AAPL"}
    first, second = await client.post("/analyses", json=wish), await client.post("/analyses", json=wish)
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json()["analysis_id"] == first.json()["analysis_id"]
    assert second.json()["is_duplicate"] is True
    assert second.json()["sentence"] == ("Analysis task for expert Practice desk and symbol AAPL is already pending")


async def test_a_failed_analysis_is_done_again_under_its_id(working: Platform) -> None:
    async with client_of(working) as client:
        analysis_id = await asyncio.to_thread(failed, working)
        answer = await client.post(f"/analyses/{analysis_id}/rerun", json={"reason": "provider is back"})
        assert answer.status_code == 202
        queued = answer.json()
        assert queued["sentence"] == f"Analysis {analysis_id} queued for re-run (attempt 2, re-run 1/3)"
        assert (queued["status"], queued["attempt"], queued["reruns_used"]) == ("pending", 2, 1)
        assert (queued["max_reruns"], queued["warnings"]) == (3, [])
        await asyncio.to_thread(drain, working)
        assert (await client.get(f"/analyses/{analysis_id}")).json()["status"] == "completed"
        second, first = (await client.get(f"/analyses/{analysis_id}/attempts")).json()["items"]
        assert (first["error_code"], second["trigger"], second["reason"]) == ("RATE_LIMIT", "rerun", "provider is back")
        left = (await client.get(f"/analyses/{analysis_id}/attempts/1/archive")).json()
        assert (len(left["outputs"]), left["recommendation"] is None) == (15, False)
        assert "Traceback" in left["traceback"]


async def test_only_failed_analyses_are_done_again(client: httpx.AsyncClient, platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    refused = await client.post(f"/analyses/{analysis_id}/rerun")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["detail"] == f"Can only re-run failed analyses: analysis {analysis_id} is pending"
    assert (problem["code"], problem["status"], problem["title"]) == ("NOT_FAILED", 409, "Not allowed now")
    assert problem["details"]["status"] == "pending"


async def test_a_second_click_is_told_who_was_quicker(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    with running(platform):
        analysis_id = await asyncio.to_thread(failed, platform)
        platform.queue.pause(by=platform.actor(ActorKind.API))
        async with client_of(platform) as client:
            answers = [await client.post(f"/analyses/{analysis_id}/rerun") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 409]
    assert answers[1].json()["code"] == "ALREADY_QUEUED"
    assert answers[1].json()["detail"].startswith("Already queued ")
    assert answers[1].json()["detail"].endswith(" s ago by trader")


async def test_an_analysis_that_is_under_way_elsewhere_is_not_queued_twice(working: Platform) -> None:
    analysis_id = await asyncio.to_thread(failed, working)
    working.queue.pause(by=working.actor(ActorKind.API))
    other = submit(working, 1)
    async with client_of(working) as client:
        refused = await client.post(f"/analyses/{analysis_id}/rerun")
    assert (refused.status_code, refused.json()["code"]) == (409, "DUPLICATE_PENDING")
    assert refused.json()["detail"] == (
        "Analysis already queued: Analysis task for expert Practice desk and symbol AAPL"
        f" is already pending (analysis {other})"
    )


async def test_a_switched_off_rerun_answers_403(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, rerun_enabled=False)
    async with client_of(platform) as client:
        refused = await client.post("/analyses/1/rerun")
    platform.stop()
    assert (refused.status_code, refused.json()["code"]) == (403, "RERUN_DISABLED")
    assert refused.json()["detail"] == "Re-runs are switched off (BA2_RERUN_ENABLED=0)"


async def test_a_pending_analysis_is_cancelled_once(client: httpx.AsyncClient, platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    first = await client.post(f"/analyses/{analysis_id}/cancel", json={"reason": "changed my mind"})
    second = await client.post(f"/analyses/{analysis_id}/cancel")
    assert (first.status_code, first.json()["sentence"]) == (202, f"Analysis {analysis_id} cancelled")
    assert (second.status_code, second.json()["detail"]) == (
        409, f"Can only cancel pending or running analyses: analysis {analysis_id} is cancelled",
    )  # fmt: skip


async def test_a_finished_analysis_is_run_again_as_a_new_one(client: httpx.AsyncClient, platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    refused = await client.post(f"/analyses/{analysis_id}/run-again")
    await client.post(f"/analyses/{analysis_id}/cancel")
    again = await client.post(f"/analyses/{analysis_id}/run-again")
    assert (refused.status_code, again.status_code) == (409, 202)
    assert again.json()["analysis_id"] > analysis_id


async def test_a_deleted_analysis_is_gone(client: httpx.AsyncClient, platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    deleted = await client.delete(f"/analyses/{analysis_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for path in ("", "/attempts", "/steps", "/outputs", "/recommendation", "/attempts/1/archive"):
        gone = await client.get(f"/analyses/{analysis_id}{path}")
        assert (gone.status_code, gone.json()["detail"]) == (404, "Analysis not found"), path


async def test_an_analysis_without_a_recommendation_or_that_attempt_says_so(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    analysis_id = submit(platform, practice(platform))
    recommendation = await client.get(f"/analyses/{analysis_id}/recommendation")
    archive = await client.get(f"/analyses/{analysis_id}/attempts/7/archive")
    assert (recommendation.status_code, recommendation.json()["code"]) == (404, "NO_RECOMMENDATION")
    assert archive.json()["detail"] == f"Analysis {analysis_id} has no attempt 7"


async def test_the_list_is_filtered_sorted_and_paged(client: httpx.AsyncClient, platform: Platform) -> None:
    desk, other = practice(platform), practice(platform, "Other desk")
    for symbol in ("AAPL", "MSFT", "INTC"):
        submit(platform, desk, symbol)
    cancelled = submit(platform, other, "GPS")
    await client.post(f"/analyses/{cancelled}/cancel")

    async def symbols(**query: Any) -> list[str]:
        return [item["symbol"] for item in (await client.get("/analyses", params=query)).json()["items"]]

    assert await symbols() == ["GPS", "INTC", "MSFT", "AAPL"]
    assert await symbols(sort="symbol") == ["AAPL", "GPS", "INTC", "MSFT"]
    assert await symbols(sort="-symbol", status="pending") == ["MSFT", "INTC", "AAPL"]
    assert await symbols(status=["cancelled", "failed"]) == ["GPS"]
    assert await symbols(expert=other) == ["GPS"]
    assert await symbols(symbol="msft") == ["MSFT"]
    first = (await client.get("/analyses", params={"limit": 3})).json()
    assert await symbols(limit=3, cursor=first["next_cursor"]) == ["AAPL"]


async def test_several_symbols_are_a_batch_with_its_items(client: httpx.AsyncClient, platform: Platform) -> None:
    desk = practice(platform)
    submit(platform, desk, "MSFT")
    answer = await client.post("/batches", json={"expert_instance_ids": [desk], "symbols": ["AAPL", "MSFT"]})
    assert answer.status_code == 202
    batch = answer.json()
    items = (await client.get(f"/batches/{batch['id']}/items")).json()["items"]
    assert [item["outcome"] for item in items] == ["queued", "duplicate"]
    assert batch["sentence"] == f"Batch {batch['id']}: 1 analysis queued, 1 already under way"
    page = (await client.get("/analyses", params={"batch": batch["id"]})).json()
    assert [item["symbol"] for item in page["items"]] == ["AAPL"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"symbol": "AA PL"}, "AA PL is no symbol: letters, digits and . - = ^ / : _ & only, 40 at most"),
        ({"as_of": "2014-12-31T21:00:00"}, "as_of needs a time zone, for example 2014-12-31T21:00:00Z"),
        ({"priority": -1}, "The priority must be between 0 and 1000, not -1"),
        ({"as_of": 1420059600}, "as_of: must be a day or an instant: 2014-12-31 or 2014-12-31T21:00:00Z"),
        ({"subtype": "both"}, "subtype: Input should be 'enter_market' or 'open_positions'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"as_of": "yesterday"}, "as_of: must be a day or an instant: 2014-12-31 or 2014-12-31T21:00:00Z"),
    ],
)
async def test_bad_input_is_answered_with_a_sentence(
    client: httpx.AsyncClient, platform: Platform, wish: dict[str, Any], sentence: str
) -> None:
    refused = await client.post("/analyses", json={"expert_instance_id": practice(platform), "symbol": "AAPL", **wish})
    assert (refused.status_code, refused.json()["detail"]) == (422, sentence)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"as_of": "2030-01-01T00:00:00Z"}, "as_of 2030-01-01 00:00 UTC lies after the market's now, 2014-12-31 21:00"),
        ({"run_before": "2001-01-01T00:00:00Z"}, "run_before has already passed"),
    ],
)
async def test_what_fits_the_document_and_cannot_be_is_a_conflict(
    client: httpx.AsyncClient, platform: Platform, wish: dict[str, Any], sentence: str
) -> None:
    refused = await client.post("/analyses", json={"expert_instance_id": practice(platform), "symbol": "AAPL", **wish})
    assert (refused.status_code, refused.json()["detail"]) == (409, sentence)


@pytest.mark.parametrize(
    "as_of", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
async def test_the_ends_of_the_calendar_are_refused_with_a_sentence(
    client: httpx.AsyncClient, platform: Platform, as_of: str
) -> None:
    wish = {"expert_instance_id": practice(platform), "symbol": "AAPL", "as_of": as_of}
    assert (await client.post("/analyses", json=wish)).status_code == 409
    late = {**wish, "as_of": None, "run_before": as_of if "T" in as_of else f"{as_of}T00:00:00Z"}
    assert (await client.post("/analyses", json=late)).status_code in (202, 409)


async def test_one_instant_in_two_zones_is_one_analysis(client: httpx.AsyncClient, platform: Platform) -> None:
    wish = {"expert_instance_id": practice(platform), "symbol": "AAPL"}
    answers = [
        await client.post("/analyses", json={**wish, "as_of": as_of})
        for as_of in ("2013-07-03T17:00:00Z", "2013-07-03T13:00:00-04:00", "2013-07-03")
    ]
    assert [answer.json()["is_duplicate"] for answer in answers] == [False, True, True]


async def test_a_day_means_the_close_of_its_session(client: httpx.AsyncClient, platform: Platform) -> None:
    wish = {"expert_instance_id": practice(platform), "symbol": "AAPL", "as_of": "2013-07-03"}  # a half day
    analysis_id = (await client.post("/analyses", json=wish)).json()["analysis_id"]
    assert (await client.get(f"/analyses/{analysis_id}")).json()["as_of"] == "2013-07-03T17:00:00Z"


async def test_a_failed_analysis_has_a_verdict_and_another_has_none(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    with running(platform):
        failed = submit(platform, practice(platform, fail_with="AUTH", fail_times=-1))
        well = submit(platform, practice(platform, "Another desk"))
        drain(platform)
        verdict = (await client.get(f"/analyses/{failed}/verdict")).json()
        missing = await client.get(f"/analyses/{well}/verdict")
    assert verdict["kind"] == "permanent"
    assert verdict["headline"].startswith("Permanent: fix first (API key refused by practice")
    assert (missing.status_code, missing.json()["code"]) == (404, "NO_VERDICT")
