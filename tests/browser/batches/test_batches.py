"""Batches in a real browser: submitted, watched, paused, and cancelled while they run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess, until

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def test_a_batch_is_asked_for_watched_paused_and_cancelled(console: ConsoleProcess, open_page: Open) -> None:
    console.expert(seconds=1, max_concurrent=2)
    page = open_page(f"{console.url}/marketanalysis")
    page.get_by_role("button", name="Bulk analysis").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="Practice desk").click()
    dialog.get_by_label("Symbols").fill("AAPL MSFT INTC AMD COST GPS MMM CERN, A$")
    expect(dialog).to_contain_text("8 analyses will be queued, 1 not possible")
    dialog.get_by_role("button", name="Analyse: 8 analyses").click()
    page.get_by_role("link", name="Watch it").click()
    expect(page).to_have_url(f"{console.url}/batches/1")
    expect(page.locator('[data-batch="running"]')).to_contain_text("2")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("paused,", exact=False).first).to_be_visible()
    until(lambda: console.api.get("/batches/1").json()["counts"]["running"] == 0, "what runs to end")
    done = console.api.get("/batches/1").json()["counts"]["succeeded"]
    expect(page.locator('[data-batch="succeeded"]')).to_contain_text(str(done))
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the rest").click()
    until(lambda: console.api.get("/batches/1").json()["finished_at"] is not None, "the batch to end")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_hidden()
    expect(page.get_by_text("A$ is no symbol").first).to_be_visible()
    page.locator('[data-batch="succeeded"]').click()
    expect(page).to_have_url(f"{console.url}/marketanalysis?bulk=1&outcome=succeeded")
    expect(page.locator("[data-pick]").first).to_be_visible()
