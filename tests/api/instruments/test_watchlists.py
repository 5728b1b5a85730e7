"""Watchlists over HTTP: a script keeps them and their instruments."""

from __future__ import annotations

import httpx


async def test_instruments_are_added_found_changed_and_deleted(client: httpx.AsyncClient) -> None:
    made = await client.post("/instruments", json={"symbol": "btc/usd", "name": "Bitcoin", "labels": ["crypto"]})
    assert (made.status_code, made.json()["symbol"]) == (201, "BTC/USD")
    again = await client.post("/instruments", json={"symbol": "BTC/USD"})
    assert (again.status_code, again.json()["code"]) == (409, "INSTRUMENT_EXISTS")
    found = (await client.get("/instruments", params={"q": "coin", "label": "crypto"})).json()
    assert [one["symbol"] for one in found["items"]] == ["BTC/USD"]
    assert (await client.get("/instruments/labels")).json()["items"] == ["crypto"]
    changed = (await client.patch("/instruments/BTC%2FUSD", json={"currency": "usd", "labels": []})).json()
    assert (changed["name"], changed["currency"], changed["labels"]) == ("Bitcoin", "USD", [])
    wrong = await client.patch("/instruments/BTC%2FUSD", json={"currency": "dollars"})
    assert (wrong.status_code, wrong.json()["detail"]) == (422, "dollars is no currency: three letters, such as USD")
    assert (await client.delete("/instruments/BTC%2FUSD")).status_code == 204
    assert (await client.get("/instruments/BTC%2FUSD")).status_code == 404


async def test_a_watchlist_is_filled_read_emptied_and_deleted(client: httpx.AsyncClient) -> None:
    mine = (await client.post("/watchlists", json={"name": "Mine"})).json()["id"]
    report = (await client.post(f"/watchlists/{mine}/items", json={"text": "AAPL, msft\nbar!"})).json()
    assert [(line["number"], line["fate"]) for line in report["lines"]] == [(1, "added"), (1, "added"), (2, "invalid")]
    items = (await client.get(f"/watchlists/{mine}/items", params={"q": "apple"})).json()
    assert (items["total"], items["items"][0]["symbol"], items["items"][0]["last_status"]) == (1, "AAPL", None)
    needed = await client.delete("/instruments/AAPL")
    assert (needed.status_code, needed.json()["detail"]) == (409, "AAPL is on Mine: take it off there first")
    await client.post(f"/watchlists/{mine}/order", json={"symbols": ["MSFT"], "to": 1})
    assert (await client.get(f"/watchlists/{mine}")).json()["symbols"] == ["MSFT", "AAPL"]
    gone = (await client.delete(f"/watchlists/{mine}/items", params={"symbol": ["AAPL", "COST"]})).json()
    assert gone == {"sentence": "AAPL taken off Mine", "symbols": ["AAPL"]}
    neither = await client.post(f"/watchlists/{mine}/items", json={})
    assert (neither.status_code, "give either symbols or text" in neither.json()["detail"]) == (422, True)
    assert (await client.patch(f"/watchlists/{mine}", json={"name": "Yours"})).json()["name"] == "Yours"
    assert (await client.delete(f"/watchlists/{mine}")).status_code == 204
    assert (await client.get("/watchlists")).json()["items"] == []


async def test_files_are_looked_through_imported_and_exported_again(client: httpx.AsyncClient) -> None:
    wish = {"text": "symbol;watchlist\nAAPL;Tech\nZZZZ;Tech\nGPS;Retail\n"}
    seen = (await client.post("/watchlists/import", json={**wish, "preview": True})).json()
    assert seen["sentence"] == "2 to be added, 1 unknown to the price provider and left out"
    assert (await client.get("/watchlists")).json()["items"] == []
    await client.post("/watchlists/import", json=wish)
    file = await client.get("/watchlists/export")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.text == '\ufeff"watchlist","symbol"\r\n"Retail","GPS"\r\n"Tech","AAPL"\r\n'
    instruments = (await client.get("/instruments/export")).text
    same = (await client.post("/instruments/import", json={"text": instruments})).json()
    assert same["sentence"] == "2 there already"
    nowhere = await client.post("/watchlists/import", json={**wish, "into": 4711})
    assert (nowhere.status_code, nowhere.json()["detail"]) == (404, "There is no watchlist 4711")
