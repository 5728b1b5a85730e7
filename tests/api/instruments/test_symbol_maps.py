"""Symbol maps over HTTP: the names that price providers have of their own, also in the service."""

import httpx

from ba2_trade_platform.app.platform import Platform


async def test_a_name_is_set_listed_and_forgotten(client: httpx.AsyncClient, platform: Platform) -> None:
    assert platform.instruments.symbol_maps.renamed("yahoo", "BRK.B") is None
    named = (await client.put("/symbol-map/yahoo/brk.b", json={"provider_symbol": "BRK-B"})).json()
    assert named == {"provider": "yahoo", "symbol": "BRK.B", "provider_symbol": "BRK-B"}
    assert (await client.get("/symbol-map?provider=yahoo")).json()["items"] == [named]
    assert platform.instruments.symbol_maps.renamed("yahoo", "BRK.B") == "BRK-B"
    assert (await client.delete("/symbol-map/yahoo/BRK.B")).status_code == 204
    gone = await client.delete("/symbol-map/yahoo/BRK.B")
    assert (gone.status_code, gone.json()["detail"]) == (404, "yahoo has no name of its own for BRK.B")
    assert platform.instruments.symbol_maps.renamed("yahoo", "BRK.B") is None


async def test_what_cannot_be_a_name_is_refused(client: httpx.AsyncClient) -> None:
    unknown = await client.put("/symbol-map/bloomberg/AAPL", json={"provider_symbol": "AAPL US"})
    assert (unknown.status_code, unknown.json()["detail"]) == (
        422,
        "There is no price provider 'bloomberg' with a symbol map: yahoo, alpaca",
    )
    wrong = await client.put("/symbol-map/yahoo/AAPL", json={"provider_symbol": "A A"})
    assert (wrong.status_code, wrong.json()["detail"]) == (
        422,
        "A A is no symbol: letters, digits and . - = ^ / : _ & only, 40 at most",
    )
