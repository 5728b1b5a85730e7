"""Health over HTTP: liveness, readiness and metrics, which a supervisor asks for."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import make_platform, practice, running, submit, wait_until

ROOT = "http://127.0.0.1:8080"


async def test_a_console_at_work_is_alive_and_ready(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        wait_until(platform, lambda: platform.worker.status.running)
        async with client_of(platform) as client:
            alive, ready = await client.get(f"{ROOT}/healthz"), await client.get(f"{ROOT}/readyz")
    assert (alive.status_code, ready.status_code) == (200, 200)
    assert ready.json() == {"ok": True, "version": platform.version, "reasons": []}


async def test_a_console_without_a_worker_is_alive_but_not_ready(platform: Platform) -> None:
    async with client_of(platform) as client:
        alive, ready = await client.get(f"{ROOT}/healthz"), await client.get(f"{ROOT}/readyz")
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json()["reasons"] == ["the worker does not run", "the scheduler does not run"]


async def test_metrics_tell_the_numbers_of_the_queue(platform: Platform) -> None:
    submit(platform, practice(platform))
    async with client_of(platform) as client:
        answer = await client.get(f"{ROOT}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert {"ba2_pending_analyses 1.0", "ba2_failed_analyses 0.0", "ba2_slots 8.0", "ba2_worker_running 0.0"} <= set(
        lines
    )
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {"queue_depth", "slots", "ba2_slots", "analysis_attempts", "attempt_seconds", "rerun"} <= set(families)
    assert all(family.type != "unknown" and family.documentation for family in families.values())


async def test_the_documentation_needs_no_other_website(platform: Platform) -> None:
    async with client_of(platform) as client:
        page = (await client.get(f"{ROOT}/docs")).text
        assert re.findall(r"https?://[^'\" ]+", page) == []
        for file in re.findall(r'(?:src|href)="(/[^"]+)"', page):
            assert (await client.get(ROOT + file)).status_code == 200, file
        assert "/docs/static/swagger-ui-bundle.js" in page
