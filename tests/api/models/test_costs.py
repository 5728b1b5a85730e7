"""Costs over HTTP: sums, periods, the budget of the day, calls, prices, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.callers import PRICES
from tests.platforms import practice, submit


def call(platform: Platform, analysis_id: int, model: str = "dear") -> None:
    """Make one call of 0.04 USD for this analysis."""
    start = CallStart(analysis_id, 1, 1, "AAPL", "Bull", "lab", model, 1000, 1000)
    platform.models.calls.end(platform.models.calls.begin(start), CallEnd(CallOutcome.ANSWERED, 1000, 1000, 500))


@pytest.fixture
def analysis_id(platform: Platform) -> int:
    """An analysis with a call of a known and one of an unknown price."""
    (Path(platform.settings.data_dir) / "prices.csv").write_text(PRICES)
    submitted = submit(platform, practice(platform))
    call(platform, submitted)
    call(platform, submitted, "brand-new")
    return submitted


async def json_of(client: httpx.AsyncClient, path: str) -> Any:
    """Return what a path answers."""
    response = await client.get(path)
    assert response.status_code == 200, response.text
    return response.json()


async def test_costs_are_told_apart_by_model(client: httpx.AsyncClient, analysis_id: int) -> None:
    found = await json_of(client, "/costs?group_by=model")
    assert [(group["label"], float(group["spend"]["cost"])) for group in found["groups"]] == [
        ("dear", 0.0355), ("brand-new", 0),
    ]  # fmt: skip
    assert [group["spend"]["at_least"] for group in found["groups"]] == [False, True]
    total = found["total"]
    assert (total["calls"], total["tokens_in"], total["tokens_cached"], total["at_least"]) == (2, 2000, 1000, True)


@pytest.mark.parametrize("group_by", ["expert", "model", "provider", "day", "outcome", "symbol", "analysis"])
async def test_every_way_to_tell_costs_apart_adds_up_to_the_same(
    client: httpx.AsyncClient, analysis_id: int, group_by: str
) -> None:
    found = await json_of(client, f"/costs?group_by={group_by}")
    assert sum(float(group["spend"]["cost"]) for group in found["groups"]) == 0.0355


async def test_a_period_leaves_out_what_lies_outside(client: httpx.AsyncClient, analysis_id: int) -> None:
    assert (await json_of(client, "/costs?since=2100-01-01"))["total"]["calls"] == 0
    assert (await json_of(client, "/costs?until=2100-01-01&since=2020-01-01T00:00:00Z"))["total"]["calls"] == 2


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("group_by=colour", 422, "'expert', 'model'"),
        ("since=soon", 422, "must be a day or an instant"),
        ("since=1700000000", 422, "must be a day or an instant"),
        ("since=2026-02-01&until=2026-01-01", 409, "must be before `until`"),
        ("since=0001-01-01T00:00:00%2B10:00", 409, "outside of the calendar"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(
    client: httpx.AsyncClient, query: str, status: int, sentence: str
) -> None:
    refused = await client.get(f"/costs?{query}")
    assert refused.status_code == status
    assert sentence in refused.text


async def test_the_budget_of_the_day_is_set_and_taken_away(client: httpx.AsyncClient, analysis_id: int) -> None:
    before = await json_of(client, "/costs/budget")
    assert (before["limit"], before["left"]) == (None, None)
    await client.put("/costs/budget", json={"limit": "2.50", "reason": "a quiet week"})
    standing = await json_of(client, "/costs/budget")
    assert (float(standing["limit"]), float(standing["left"])) == (2.5, 2.4645)
    assert standing["changed_by"] == "trader"
    assert standing["sentence"] == "The budget for the day is 2.50 USD; 0.0355 USD are spent today"
    await client.put("/costs/budget", json={"limit": None})
    assert (await json_of(client, "/costs/budget"))["limit"] is None


@pytest.mark.parametrize("limit", [-1, "much", 1e9, "NaN", "0.0000001"])
async def test_what_is_no_budget_is_refused(client: httpx.AsyncClient, limit: Any) -> None:
    refused = await client.put("/costs/budget", json={"limit": limit})
    assert refused.status_code == 422


async def test_the_calls_of_an_analysis_outlive_it(
    client: httpx.AsyncClient, platform: Platform, analysis_id: int
) -> None:
    await client.delete(f"/analyses/{analysis_id}")
    newest, oldest = (await json_of(client, f"/analyses/{analysis_id}/calls"))["items"]
    assert (newest["model"], newest["cost"]) == ("brand-new", None)
    assert (oldest["step"], float(oldest["cost"]), oldest["outcome"]) == ("Bull", 0.0355, "answered")
    assert (await json_of(client, "/costs?group_by=outcome"))["groups"][0]["key"] == "deleted"
    assert (await client.get("/analyses/404/calls")).status_code == 404


async def test_prices_say_where_they_come_from_and_which_lines_are_wrong(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    (Path(platform.settings.data_dir) / "prices.csv").write_text(PRICES + "lab,cheap,soon,1,,1,\n")
    found = await json_of(client, "/costs/prices")
    assert (found["items"][0]["model"], found["items"][0]["own"]) == ("dear", True)
    assert "line 3" in found["problems"][0]
    assert any(item["model"] == "gpt-4o" and item["source"] for item in found["items"])


async def test_prices_are_imported_whole_and_taken_back(client: httpx.AsyncClient) -> None:
    head = "provider,model,valid_from,input,cached,output\n"
    assert (await client.post("/costs/prices/undo", json={})).json()["code"] == "NO_FORMER_PRICES"
    for preview, begin in ((True, "Would add 1 price"), (False, "Added 1 price")):
        body = {"text": f"{head}lab,m,2026-01-01,1,,2\n", "preview": preview}
        answer = await client.post("/costs/prices/import", json=body)
        assert answer.status_code == 200
        assert (answer.json()["added"], answer.json()["sentence"].startswith(begin)) == (1, True)
    found = await json_of(client, "/costs/prices")
    assert [one["model"] for one in found["items"] if one["provider"] == "lab"] == ["m"]
    assert found["sentence"].startswith("Shipped prices as of 2025-11-30, your own as of")
    refused = await client.post("/costs/prices/import", json={"text": f"{head}lab,m,soon,1,,2\n"})
    assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_PRICES")
    assert (await client.post("/costs/prices/undo", json={})).status_code == 200
    found = await json_of(client, "/costs/prices")
    assert not [one for one in found["items"] if one["provider"] == "lab"]
