"""Alerts over HTTP: listed, and acknowledged once."""

from __future__ import annotations

import httpx

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert


async def test_an_alert_is_listed_acknowledged_and_listed_as_seen(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    with platform.store.write() as transaction:
        raise_alert(transaction, AlertEvent("test", "test:1", "The desk stood still"), platform.store.clock.now())
    listed = (await client.get("/alerts", params={"acknowledged": False})).json()
    assert [alert["sentence"] for alert in listed["items"]] == ["The desk stood still"]
    assert listed["unacknowledged"] == 1
    seen = await client.post(f"/alerts/{listed['items'][0]['id']}/acknowledge", json={"reason": "looked at it"})
    assert seen.status_code == 200
    assert (seen.json()["acknowledge_reason"], seen.json()["acknowledged_by"]) == ("looked at it", "trader")
    assert (await client.get("/alerts", params={"acknowledged": False})).json()["items"] == []
    assert len((await client.get("/alerts")).json()["items"]) == 1


async def test_an_unknown_alert_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("/alerts/7/acknowledge", json={})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Alert 7 not found"
