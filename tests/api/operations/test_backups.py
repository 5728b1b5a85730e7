"""Backups over HTTP: made and listed, with the health report, metrics and the dead man's switch beside them."""

from __future__ import annotations

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families

from ba2_trade_platform.app.platform import Platform
from tests.locks import another_program_locking
from tests.platforms import wait_until
from tests.sql import file_of

ROOT = "http://127.0.0.1:8080"


async def test_health_has_every_item_with_its_sentence(client: httpx.AsyncClient) -> None:
    report = (await client.get("/health")).json()
    assert report["state"] == "bad"
    by_key = {item["key"]: item for item in report["items"]}
    assert by_key["worker"]["sentence"] == "The worker does not run: restart the console"
    assert by_key["database"]["number"] > 100_000
    assert "Worker" in report["text"]


async def test_a_locked_database_leaves_the_console_alive_but_not_ready(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    platform.worker.start()  # and no scheduler, so that nobody has asked for readiness before these fifty do
    wait_until(platform, lambda: platform.worker.status.running, "the worker")
    with another_program_locking(file_of(platform)):
        waiting = [asyncio.create_task(client.get(f"{ROOT}/readyz")) for _ in range(50)]
        alive = await asyncio.create_task(client.get(f"{ROOT}/healthz"))  # a task: it comes after all of these
        assert not any(task.done() for task in waiting), "it waits for nobody"
        ready = await asyncio.gather(*waiting)
    assert alive.json()["ok"] is True
    assert {answer.status_code for answer in ready} == {503}
    assert ready[0].json()["reasons"] == [
        "the scheduler does not run",
        "the database is locked by another program",
    ]


async def test_a_backup_is_made_and_listed(client: httpx.AsyncClient) -> None:
    empty = (await client.get("/backups")).json()
    assert (empty["items"], empty["under_way"]) == ([], False)
    made = await client.post("/backups", json={})
    assert made.status_code == 201
    assert made.json()["good"] is True
    (listed,) = (await client.get("/backups")).json()["items"]
    assert listed == made.json()


async def test_a_backup_that_fails_says_why(platform: Platform, client: httpx.AsyncClient) -> None:
    platform.operations.backups.folder.parent.mkdir(exist_ok=True)
    platform.operations.backups.folder.write_text("no folder")
    answer = await client.post("/backups", json={})
    assert (answer.status_code, answer.json()["code"]) == (503, "BACKUP_FAILED")
    assert answer.json()["detail"].startswith("The backup failed: ")


async def test_the_heartbeats_address_goes_in_and_never_comes_out(client: httpx.AsyncClient) -> None:
    changed = await client.put("/heartbeat", json={"url": "https://hc.example/secret", "every_seconds": 30})
    assert changed.json()["host"] == "hc.example"
    for answer in (changed, await client.get("/heartbeat"), await client.get("/health")):
        assert "secret" not in answer.text
    assert (await client.put("/heartbeat", json={"url": None})).json()["host"] is None
    refused = await client.post("/heartbeat/test", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "NO_HEARTBEAT")
    assert (await client.put("/heartbeat", json={"url": "nonsense"})).status_code == 422


async def test_metrics_have_the_numbers_of_the_page(client: httpx.AsyncClient) -> None:
    await client.post("/backups", json={})
    text = (await client.get(f"{ROOT}/metrics")).text
    families = {one.name: one.samples[0].value for one in text_string_to_metric_families(text) if one.samples}
    assert {"ba2_database_bytes", "ba2_disk_free_bytes", "ba2_backup_age_seconds", "ba2_memory_bytes"} <= set(families)
    assert families["ba2_scheduler_running"] == 0
    assert families["ba2_health_bad"] == 2
