"""Price files over HTTP: a check is begun, read page by page and given up; without a folder there is none."""

from __future__ import annotations

from pathlib import Path

import httpx

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.market.folder.folder_check import CheckedPrices
from tests.api.clients import client_of
from tests.platforms import make_platform, wait_until

GOOD = "date;open;high;low;close\n2014-06-05;10,5;12;9;11,5\n2014-06-06;10,5;12;9;11,5\n"


def console(tmp_path: Path) -> Platform:
    folder = tmp_path / "prices"
    folder.mkdir()
    for symbol in ("ACME", "BETA", "CETI"):
        (folder / f"{symbol}.csv").write_text(GOOD)
    (folder / "DELTA.csv").write_text("nothing of use\n")
    return make_platform(tmp_path, prices=CheckedPrices(folder, SystemClock(), tmp_path / "kept"))


async def test_each_file_is_told_after_a_check(tmp_path: Path) -> None:
    platform = console(tmp_path)
    checks = platform.operations.price_checks
    async with client_of(platform) as client:
        assert (await client.get("/price-files")).json()["sentence"] == "The price files were not checked yet"
        assert (await client.post("/price-files/check")).status_code == 202
        wait_until(platform, lambda: checks.newest is not None and not checks.newest.under_way, "the check")
        first = (await client.get("/price-files?limit=2")).json()
        assert first["sentence"] == "4 files: 3 repaired, 1 refused; 4 read anew"
        assert [item["file"] for item in first["items"]] == ["ACME.csv", "BETA.csv"]
        assert first["items"][0]["form"] == "date, open, high, low, close, volume, parted by semicolons"
        rest = (await client.get("/price-files", params={"cursor": first["next_cursor"]})).json()
        assert [item["file"] for item in rest["items"]] == ["CETI.csv", "DELTA.csv"]
        assert rest["next_cursor"] is None
        (bad,) = (await client.get("/price-files?state=refused")).json()["items"]
        assert bad["sentence"].startswith("DELTA.csv, line 1: it holds no prices but says 'nothing of use'")
        late = await client.post("/price-files/cancel")
        assert (late.status_code, late.json()["code"]) == (409, "NO_CHECK")
    platform.stop()


async def test_a_console_without_a_folder_has_no_files_to_check(client: httpx.AsyncClient) -> None:
    assert (await client.get("/price-files")).json()["possible"] is False
    refused = await client.post("/price-files/check")
    assert (refused.status_code, refused.json()["code"]) == (409, "NO_PRICE_FILES")
