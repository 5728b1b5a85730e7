"""Problem documents: every error is one with a sentence, and no other website presses our buttons."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import make_platform, practice, submit

PROBLEM = "application/problem+json"


class BrokenMonitor:
    """A monitor with a bug."""

    def page(self, *_: Any, **__: Any) -> None:
        """Fail as no service should."""
        raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v1/analyses/", "/api/v2/queue"])
async def test_unknown_paths_are_problems(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"http://127.0.0.1:8080{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json() == {
        "type": "urn:ba2:problem:unknown-path", "title": "Not Found", "status": 404, "code": "UNKNOWN_PATH",
        "detail": f"There is nothing at {path}; the API is described at /docs", "details": {},
    }  # fmt: skip


async def test_a_method_that_a_path_does_not_know_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.put("/analyses", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, POST"
    assert answer.json()["detail"] == "PUT is not possible at /api/v1/analyses; GET, POST is"


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b"[" * 100_000, b'{"symbol": "\\ud800"}']
)
async def test_what_is_no_json_object_is_bad_input(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/analyses", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/analyses/-1", "/analyses/abc", "/analyses/1.0", "/analyses/1_0", "/batches/preview"]
)
async def test_what_is_no_number_is_no_id(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == (405 if path.endswith("preview") else 404)
    assert (await client.post(f"{path}/rerun")).status_code == 404


@pytest.mark.parametrize("analysis_id", ["0", "9223372036854775808", "9" * 400])
async def test_ids_that_no_database_holds_are_bad_input(client: httpx.AsyncClient, analysis_id: str) -> None:
    assert (await client.get(f"/analyses/{analysis_id}")).status_code == 422
    assert (await client.post(f"/analyses/{analysis_id}/rerun")).status_code == 422


async def test_an_unknown_analysis_is_not_found(client: httpx.AsyncClient) -> None:
    for analysis_id in (1, 2**63 - 1):
        answer = await client.get(f"/analyses/{analysis_id}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Analysis not found")


@pytest.mark.parametrize(
    "query",
    [
        "sort=colour",
        "limit=0",
        "limit=501",
        "limit=+5",
        "limit=5.5",
        "limit=5_0",
        "limit=1e999",
        "rerun_only=yes",
        "status=lost",
        "x=1",
    ],
)
async def test_a_list_that_makes_no_sense_is_bad_input(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/analyses?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)


@pytest.mark.parametrize("cursor", ["nonsense", "WzFlOTk5LCAxZTk5OV0"])
async def test_a_place_that_no_list_has_is_a_conflict(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/analyses", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_CURSOR")


async def test_a_locked_database_answers_503_and_when_to_come_back_and_is_not_ready(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    analysis_id = submit(platform, practice(platform))
    with closing(sqlite3.connect(tmp_path / "ba2.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with client_of(platform) as client:
            rerun = client.post(f"/analyses/{analysis_id}/rerun")
            answer, ready = await asyncio.gather(rerun, client.get("http://127.0.0.1:8080/readyz"))
    platform.stop()
    assert ready.status_code == 503
    assert "the database is locked by another program" in ready.json()["reasons"]
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["detail"] == "Error re-running analysis: the database is locked by another program"


async def test_a_stopping_console_takes_no_wishes(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    desk = practice(platform)
    platform.store.close()
    async with client_of(platform) as client:
        answer = await client.post("/analyses", json={"expert_instance_id": desk, "symbol": "AAPL"})
    platform.stop()
    assert (answer.status_code, answer.json()["detail"]) == (503, "the console is stopping")


async def test_a_bug_is_a_problem_without_its_secrets(platform: Platform) -> None:
    broken: Any = BrokenMonitor()
    async with client_of(replace(platform, monitoring=replace(platform.monitoring, jobs=broken))) as client:
        answer = await client.get("/analyses")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json()["detail"] == "The console met ZeroDivisionError; its log has the traceback"


@pytest.fixture
def pending(platform: Platform) -> int:
    """An analysis that another website might like to cancel."""
    return submit(platform, practice(platform))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8080.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"},
        {"Host": ""},
        {"Host": "[::1"},
    ],
)
async def test_no_other_website_presses_our_buttons(
    client: httpx.AsyncClient, pending: int, headers: dict[str, str]
) -> None:
    refused = await client.post(f"/analyses/{pending}/cancel", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "FOREIGN_REQUEST")
    assert (await client.get(f"/analyses/{pending}")).json()["status"] == "pending"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_form_is_not_taken_for_a_wish(client: httpx.AsyncClient, pending: int, kind: str) -> None:
    refused = await client.post(
        f"/analyses/{pending}/cancel", content=b'{"reason": "x"}', headers={"Content-Type": kind}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_JSON")
    assert (await client.get(f"/analyses/{pending}")).json()["status"] == "pending"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost:8080", "Origin": "http://localhost:8080"},
        {"Host": "[::1]:8080", "Origin": "http://[::1]:8080"},
        {"Host": "localhost:9000", "Origin": "http://localhost:9000"},  # through an ssh tunnel
    ],
)
async def test_the_consoles_own_page_and_scripts_may(
    client: httpx.AsyncClient, pending: int, headers: dict[str, str]
) -> None:
    assert (await client.post(f"/analyses/{pending}/cancel", headers=headers)).status_code == 202


async def test_reading_under_a_foreign_name_is_refused_too(client: httpx.AsyncClient) -> None:
    refused = await client.get("/analyses", headers={"Host": "rebound.example"})
    assert (refused.status_code, refused.json()["detail"]) == (
        403, "This console does not answer to the name 'rebound.example'",
    )  # fmt: skip


async def test_a_console_that_listens_everywhere_answers_to_addresses_and_not_to_names(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, host="0.0.0.0")  # noqa: S104 - listens nowhere
    async with client_of(platform) as client:
        hosts = ["192.168.1.7:8080", "[fe80::1]:8080", "evil.example"]
        statuses = [(await client.get("/queue", headers={"Host": host})).status_code for host in hosts]
    platform.stop()
    assert statuses == [200, 200, 403]


async def test_a_console_answers_to_the_name_it_was_given(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, host="desk.example")
    async with client_of(platform) as client:
        answer = await client.get("/queue", headers={"Host": "Desk.Example:8080"})
    platform.stop()
    assert answer.status_code == 200


def test_the_document_names_every_route_and_its_problems(platform: Platform) -> None:
    document = create_api(platform).openapi()
    assert document["components"]["schemas"]["Problem"]["required"] == [
        "type", "title", "status", "detail", "code", "details",
    ]  # fmt: skip
    rerun = document["paths"]["/api/v1/analyses/{analysis_id}/rerun"]["post"]["responses"]
    assert set(rerun) == {"202", "403", "404", "409", "413", "422", "429", "500", "503"}
    assert PROBLEM in rerun["409"]["content"]
