"""Attempt history over HTTP: with the statistics of retries and the packing of archives."""

from __future__ import annotations

from pathlib import Path

import httpx

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import TRADER, drain, make_platform, practice, running, submit


def failed_and_rerun(platform: Platform) -> int:
    """Return an analysis that failed once, was re-run and completed."""
    analysis_id = submit(platform, practice(platform, fail_with="AUTH", fail_times=1))
    drain(platform)
    platform.analyses.rerun(analysis_id, by=TRADER, reason="new key")
    drain(platform)
    return analysis_id


async def test_the_history_of_an_analysis_is_json(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        analysis_id = failed_and_rerun(platform)
        async with client_of(platform) as client:
            second, first = (await client.get(f"/analyses/{analysis_id}/attempts")).json()["items"]
            diff = (await client.get(f"/analyses/{analysis_id}/attempts/1/diff/2")).json()
            timeline = (await client.get(f"/analyses/{analysis_id}/timeline")).json()["items"]
            found = (await client.get("/retries/statistics?window=7d")).json()
    assert (second["after_code"], second["provider"], second["reason"]) == ("AUTH", "practice", "new key")
    assert (first["after_code"], first["settings_changed"], first["packed_into"]) == (None, False, None)
    assert {value["name"]: value["change"] for value in diff["facts"]}["outcome"] == "changed"
    assert {output["change"] for output in diff["outputs"]} <= {"added", "changed"}
    assert [moment["state"] for moment in timeline] == [
        "pending", "running", "failed", "pending", "running", "completed",
    ]  # fmt: skip
    assert (found["attempts"], found["failed"], found["recovered"], found["truncated"]) == (2, 1, 1, False)
    assert found["by_fingerprint"][0]["code"] == "AUTH"


async def test_what_cannot_be_compared_or_added_up_is_a_problem(client: httpx.AsyncClient, platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    unknown = await client.get(f"/analyses/{analysis_id}/attempts/1/diff/2")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NO_ATTEMPT")
    same = await client.get(f"/analyses/{analysis_id}/attempts/1/diff/1")
    assert (same.status_code, same.json()["code"]) == (409, "SAME_ATTEMPT")
    assert (await client.get("/retries/statistics?window=1y")).status_code == 422
    assert (await client.get("/analyses/4711/timeline")).status_code == 404


async def test_retention_is_off_until_a_limit_is_set(client: httpx.AsyncClient) -> None:
    foreseen = (await client.get("/retention")).json()
    assert (foreseen["days"], foreseen["attempts"]) == (0, 0)
    refused = await client.post("/retention/pack", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "RETENTION_OFF")


async def test_nothing_old_enough_is_refused_with_a_sentence(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, archive_days=1)
    async with client_of(platform) as client:
        refused = await client.post("/retention/pack", json={})
    platform.stop()
    assert (refused.status_code, refused.json()["detail"]) == (409, "No archive is older than 1 day")
