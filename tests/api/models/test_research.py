"""Research files over HTTP: how much of them can be used, and each line that cannot."""

from __future__ import annotations

from pathlib import Path

import httpx

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import make_platform


async def test_the_demo_market_has_figures_and_no_files(client: httpx.AsyncClient, platform: Platform) -> None:
    answer = (await client.get("/research")).json()
    assert answer == {"sentence": platform.research.describe(), "files": []}
    assert "BA2_RESEARCH_DIR brings news and posts" in answer["sentence"]


async def test_a_folder_is_counted_and_its_bad_lines_are_named(tmp_path: Path) -> None:
    research = tmp_path / "research"
    research.mkdir()
    (research / "news.csv").write_text(
        "published_at,symbol,headline\n2014-12-30T00:00:00Z,AAPL,good\n2014-12-30,AAPL,when?\n"
    )
    platform = make_platform(tmp_path, research_dir=research)
    try:
        async with client_of(platform) as client:
            answer = (await client.get("/research")).json()
    finally:
        platform.stop()
    news, figures, posts = answer["files"]
    assert (news["items"], news["symbols"], news["newest"], news["bad_lines"]) == (1, 1, "2014-12-30T00:00:00Z", 1)
    assert news["problems"] == [
        "news.csv, line 3: published_at '2014-12-30' has no time zone; write 2014-12-31T21:00:00Z or ...-05:00"
    ]
    assert (figures["items"], posts["items"]) == (0, 0)
