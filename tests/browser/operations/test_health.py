"""The Health page in a real browser: a report, a backup by a click, a dead man's switch whose URL is never shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def test_a_backup_is_made_by_a_click_and_the_page_is_well(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/health")
    expect(page.get_by_role("table", name="Work")).to_contain_text("The worker runs")
    expect(page.get_by_text("There is no backup yet", exact=True)).to_be_visible()
    page.get_by_role("button", name="Back up now").click()
    expect(page.get_by_text("Backup made and verified in")).to_be_visible()
    expect(page.get_by_role("table", name="Backups")).to_contain_text("verified")
    expect(page.get_by_role("table", name="Database and disk")).to_contain_text("The newest verified backup is")
    assert console.api.get("/backups").json()["items"][0]["good"]


def test_the_heartbeat_is_set_and_only_its_host_is_shown(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/health#heartbeat")
    page.get_by_label("Heartbeat URL").fill(f"{console.url}/healthz?check=secret")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Heartbeat")).to_contain_text("127.0.0.1 is pinged every 60 s")
    page.get_by_role("button", name="Ping now").click()
    expect(page.get_by_text("127.0.0.1 took the ping")).to_be_visible()
    expect(page.get_by_label("Heartbeat URL")).to_have_value("")
    assert "check=secret" not in page.content()


def test_the_page_is_usable_on_a_narrow_screen(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/health", width=400, height=800)
    sentence = page.get_by_text("The database can be written")
    expect(sentence).to_be_attached()
    box = sentence.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 400
