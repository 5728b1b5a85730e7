"""Known models over HTTP: a script chooses by window and price."""

from __future__ import annotations

import httpx


async def test_models_come_with_price_and_window_and_of_one_provider_on_request(client: httpx.AsyncClient) -> None:
    everything = (await client.get("/models")).json()["items"]
    of_one = (await client.get("/models", params={"provider": "anthropic"})).json()["items"]
    assert [one for one in everything if one["provider"] == "anthropic"] == of_one
    haiku = of_one[0]
    assert (haiku["name"], haiku["tiers"], haiku["window"]) == ("anthropic:claude-haiku-4-5", ["quick"], 200_000)
    assert float(haiku["price"]["input"]) > 0
    assert (haiku["tested"], haiku["last_used_at"]) == (None, None)


async def test_a_provider_that_is_none_is_a_problem(client: httpx.AsyncClient) -> None:
    gone = await client.get("/models", params={"provider": "nowhere"})
    assert (gone.status_code, gone.json()["detail"]) == (404, "There is no model provider nowhere")
    assert (await client.get("/models", params={"provider": "No Name"})).status_code == 422
