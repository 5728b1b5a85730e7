"""Attention over HTTP: every source with its count and the page that shows it."""

from __future__ import annotations

from pathlib import Path

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import TRADER, drain, make_platform, practice, running, submit


async def test_a_quiet_desk_lists_every_source_with_nothing(platform: Platform) -> None:
    async with client_of(platform) as client:
        answer = (await client.get("/attention")).json()
    assert [item["source"] for item in answer["items"]] == ["failures", "alerts", "runs", "breakers", "health"]
    counts = {item["source"]: item["count"] for item in answer["items"]}
    assert {**counts, "health": 0} == dict.fromkeys(counts, 0)
    assert answer["total"] == counts["health"]


async def test_what_needs_a_person_is_counted_where_it_waits(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        submit(platform, practice(platform, fail_with="BUG", fail_times=-1))
        drain(platform)
        platform.breakers.open("openai", by=TRADER, reason="maintenance")
        async with client_of(platform) as client:
            answer = (await client.get("/attention")).json()
            needs_person = (await client.get("/failures")).json()["needs_person"]
    counts = {item["source"]: item["count"] for item in answer["items"]}
    assert (counts["failures"], counts["breakers"]) == (needs_person, 1) == (1, 1)
    assert answer["total"] == sum(counts.values())
