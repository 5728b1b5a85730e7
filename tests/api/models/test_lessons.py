"""Lessons over HTTP: a script reads and forgets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.clients import client_of
from tests.memories import Rememberer, remembering


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Rememberer]:
    """A console that has decided twice, long ago."""
    with remembering(tmp_path) as desk:
        desk.decide(desk.instance(), "AAPL", "MSFT")
        yield desk


@pytest.fixture
async def api(desk: Rememberer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that console."""
    async with client_of(desk.platform) as client:
        yield client


async def test_lessons_are_learnt_listed_read_deleted_and_brought_back(
    api: httpx.AsyncClient, desk: Rememberer
) -> None:
    learnt = (await api.post("/lessons/learn", json={})).json()
    assert learnt["sentence"] == "2 new lessons; no other decision waits for its outcome"
    first = (await api.get("/lessons", params={"limit": 1})).json()
    rest = (await api.get("/lessons", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [page["items"][0]["id"] for page in (first, rest)] == [2, 1]
    assert rest["next_cursor"] is None
    (apple,) = (await api.get("/lessons", params={"symbol": "AAPL", "action": "BUY"})).json()["items"]
    assert (await api.get(f"/lessons/{apple['id']}")).json() == apple
    assert apple["analysis_exists"]
    assert (await api.delete(f"/lessons/{apple['id']}")).status_code == 204
    assert (await api.get("/lessons", params={"symbol": "AAPL"})).json()["items"] == []
    assert (await api.post(f"/lessons/{apple['id']}/restore", json={})).json()["id"] == apple["id"]


async def test_a_search_is_by_similarity_and_a_rebuild_tells_how_far_it_is(
    api: httpx.AsyncClient, desk: Rememberer
) -> None:
    await api.post("/lessons/learn", json={})
    begun = await api.post("/lessons/rebuild", json={})
    assert (begun.status_code, begun.json()["rebuilding"], begun.json()["total"]) == (202, True, 2)
    desk.filled()
    found = (await api.get("/lessons", params={"q": "the RSI is high", "symbol": "MSFT"})).json()
    assert (found["found_by"], [one["symbol"] for one in found["items"]]) == ("similarity", ["MSFT"])
    assert 0 < found["items"][0]["similarity"] <= 1
    status = (await api.get("/lessons/store")).json()
    assert (status["stored"], status["lessons"], status["problem"]) == (2, 2, None)
    assert status["sentence"] == "2 of 2 lessons are in the store (hashing)"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_lesson_is_a_problem(api: httpx.AsyncClient, method: str) -> None:
    answer = await api.request(method, "/lessons/77")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Lesson 77 not found")
