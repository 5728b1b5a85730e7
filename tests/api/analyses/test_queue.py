"""The queue's switches over HTTP: a script may pause it before maintenance."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import make_platform, practice, submit


async def test_the_queue_tells_its_switches_and_numbers(client: httpx.AsyncClient, platform: Platform) -> None:
    submit(platform, practice(platform))
    assert (await client.get("/queue")).json() == {
        "paused": False, "reason": None, "actor": None, "since": None, "slots": 8, "busy": 0, "stopping": [],
        "pending": 1, "running": 0, "failed": 0, "storage_problem": None,
    }  # fmt: skip


async def test_the_queue_is_paused_with_a_reason_and_goes_on(client: httpx.AsyncClient) -> None:
    paused = (await client.post("/queue/pause", json={"reason": "maintenance"})).json()
    assert (paused["paused"], paused["reason"], paused["actor"]) == (True, "maintenance", "trader")
    assert paused["since"].endswith("Z")
    resumed = (await client.post("/queue/resume")).json()
    assert (resumed["paused"], resumed["reason"]) == (False, None)


async def test_slots_are_set_and_survive_a_restart(tmp_path: Path) -> None:
    first = make_platform(tmp_path)
    async with client_of(first) as client:
        assert (await client.put("/queue/slots", json={"count": 3})).json()["slots"] == 3
    first.stop()
    second = make_platform(tmp_path)
    async with client_of(second) as client:
        assert (await client.get("/queue")).json()["slots"] == 3
    second.stop()


@pytest.mark.parametrize("count", [0, 257, 10**30])
async def test_slots_that_make_no_sense_are_refused(client: httpx.AsyncClient, count: int) -> None:
    refused = await client.put("/queue/slots", json={"count": count})
    assert (refused.status_code, refused.json()["detail"]) == (422, f"Slots must be between 1 and 256, not {count}")


async def test_the_demo_desk_is_loaded_once(client: httpx.AsyncClient) -> None:
    loaded, again = await client.post("/demo"), await client.post("/demo")
    assert loaded.status_code == 201
    assert loaded.json()["sentence"] == f"Demo desk loaded: {loaded.json()['queued']} analyses queued"
    assert (again.status_code, again.json()["detail"]) == (409, "The demo desk is already loaded")
