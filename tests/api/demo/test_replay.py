"""The replay over HTTP: a script moves the demo market's clock."""

from pathlib import Path

import httpx

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.fakes.prices import OneSeries, series
from tests.platforms import make_platform


async def test_a_replay_is_started_paused_and_stopped(client: httpx.AsyncClient, platform: Platform) -> None:
    standing = (await client.get("/replay")).json()
    assert (standing["mode"], standing["now"], standing["start"]) == ("standing", "2014-12-31T21:00:00Z", None)
    walking = (await client.post("/replay/start")).json()
    assert (walking["mode"], walking["start"], walking["end"]) == (
        "walking",
        "2008-09-08T12:00:00Z",
        "2008-09-15T12:00:00Z",
    )
    assert (await client.put("/replay/speed", json={"speed": 60})).json()["speed"] == 60
    paused = (await client.post("/replay/pause")).json()
    assert paused["mode"] == "paused"
    again = await client.post("/replay/pause")
    assert (again.status_code, again.json()["code"]) == (409, "REPLAY_NOT_WALKING")
    assert (await client.post("/replay/resume")).json()["mode"] == "walking"
    assert (await client.post("/replay/stop")).json()["now"] == "2014-12-31T21:00:00Z"
    assert platform.prices.clock.now().year == 2014


async def test_a_replay_outside_of_its_years_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.post("/replay/start", json={"start": "2012-01-01T00:00:00Z"})
    assert (refused.status_code, refused.json()["code"]) == (409, "REPLAY_RANGE")


async def test_other_prices_cannot_be_replayed(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, prices=OneSeries(series()))
    async with client_of(platform) as client:
        refused = await client.get("/replay")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "Only the demo market can be replayed: set BA2_PRICES=demo",
    )
    platform.stop()
