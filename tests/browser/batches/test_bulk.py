"""Bulk re-runs in a real browser: select all that match, preview, confirm, watch, abort; then by keys alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess, until

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SYMBOLS = ("AAPL", "AMD", "CERN", "COST", "GPS", "INTC", "MMM", "MSFT")


def tick(page: Page, analysis_id: int) -> Any:
    """Return a row's tick."""
    return page.locator(f'[data-pick="{analysis_id}"]')


def failed(console: ConsoleProcess, days: int = 1, **settings: Any) -> list[int]:
    """Have eight analyses a day fail that complete when they are done again; return their ids, oldest first."""
    chosen = {"fail_with": "AUTH", "fail_times": 1, **settings}
    expert = console.expert(**chosen)
    for day in range(days):
        wish = {"expert_instance_ids": [expert], "symbols": SYMBOLS, "as_of": f"2014-12-{10 + day}T21:00:00Z"}
        assert console.api.post("/batches", json=wish).is_success
    until(lambda: console.api.get("/queue").json()["failed"] == days * len(SYMBOLS), "all of them to fail")
    listed = console.api.get("/analyses", params={"limit": 500, "sort": "id"}).json()["items"]
    return [row["id"] for row in listed]


def test_all_that_match_are_looked_at_confirmed_watched_and_aborted(console: ConsoleProcess, open_page: Open) -> None:
    ids = failed(console, days=8)
    page = open_page(f"{console.url}/marketanalysis?status=failed")
    tick(page, ids[-1]).click()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("button", name="Select all 64 failed matching").click()
    expect(page.get_by_text("All 64 failed matching selected")).to_be_visible()
    page.get_by_role("button", name="Re-run selected").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Re-run 64 analyses")
    expect(dialog).to_contain_text("The practice provider answered 401")
    confirm = dialog.get_by_role("button", name="Re-run 64 analyses")
    dialog.get_by_label("Reason (required)").fill("new key")
    expect(confirm).to_be_disabled()
    dialog.get_by_label("At most per minute").fill("120")
    expect(dialog).to_contain_text("32.0 s")
    dialog.get_by_label("Type the number").fill("63")
    expect(confirm).to_be_disabled()
    dialog.get_by_label("Type the number").fill("64")
    confirm.click()
    expect(page).to_have_url(re.compile(r"/batches/\d+$"))
    bulk = page.url.rpartition("/")[2]
    expect(page.locator('[data-batch="total"]')).to_contain_text("64")
    expect(page.locator('[data-batch="succeeded"] .ba2-number')).not_to_have_text("0")
    page.get_by_role("button", name="Abort").click()
    page.get_by_role("button", name="Abort the rest").click()
    expect(page.get_by_text("aborted", exact=True)).to_be_visible()
    expect(page.locator('[data-batch="queued"] .ba2-number')).to_have_text("0")
    counts = [int(page.locator(f'[data-batch="{name}"] .ba2-number').inner_text()) for name in ("succeeded", "skipped")]
    assert sum(counts) == 64
    assert min(counts) > 0
    expect(page.get_by_label("Reasons").get_by_text("aborted by trader")).to_be_visible()
    page.locator('[data-batch="skipped"]').click()
    expect(page.get_by_role("button", name=f"More filters: in batch {bulk}, skipped there")).to_be_visible()
    expect(page.locator("[data-rerun]")).to_have_count(min(counts[1], 50))


def test_a_bulk_rerun_by_keys_alone(console: ConsoleProcess, open_page: Open) -> None:
    ids = failed(console)
    page = open_page(f"{console.url}/marketanalysis")
    expect(tick(page, ids[-1])).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press(" ")
    expect(tick(page, ids[-1])).to_have_attribute("aria-checked", "true")
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("Shift+ ")
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_role("button", name="Re-run selected").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason (required)")).to_be_focused()
    page.keyboard.type("by keys")
    confirm = page.get_by_role("button", name="Re-run 4 analyses")
    expect(confirm).to_be_enabled()  # a disabled button takes no focus
    confirm.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/batches/\d+$"))
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    expect(page.locator('[data-batch="succeeded"] .ba2-number')).to_have_text("4")


def test_escape_unticks_and_the_table_stands_still_meanwhile(console: ConsoleProcess, open_page: Open) -> None:
    ids = failed(console)
    page = open_page(f"{console.url}/marketanalysis")
    tick(page, ids[0]).click()
    tick(page, ids[3]).click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    assert console.api.post(f"/analyses/{ids[7]}/rerun", json={}).is_success
    console.wait_for(ids[7], "completed")
    expect(page.get_by_role("button", name="1 change waiting")).to_be_visible()
    last = page.locator(f'tr:has([data-pick="{ids[7]}"])')
    expect(last).to_contain_text("failed")
    page.get_by_role("button", name="1 change waiting").click()
    expect(last).to_contain_text("completed")
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("4 selected")).to_be_hidden()
    expect(page.locator('[data-pick][aria-checked="true"]')).to_have_count(0)


def test_a_plan_that_changed_shows_the_new_number_and_does_nothing(console: ConsoleProcess, open_page: Open) -> None:
    ids = failed(console)
    page = open_page(f"{console.url}/marketanalysis?status=failed")
    page.get_by_role("checkbox", name="Tick this page").click()
    page.get_by_role("button", name="Re-run selected").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason (required)").fill("again")
    expect(dialog.get_by_role("button", name="Re-run 8 analyses")).to_be_enabled()
    console.api.post(f"/analyses/{ids[0]}/rerun", json={})
    console.wait_for(ids[0], "completed")
    dialog.get_by_role("button", name="Re-run 8 analyses").click()
    expect(dialog.get_by_role("alert")).to_contain_text("7 would run now, 8 before; 1 would be skipped now, 0 before")
    expect(dialog).to_contain_text("1 skipped: not failed: completed")
    assert console.api.get("/bulk-reruns").json()["items"] == []
    dialog.get_by_role("button", name="Re-run 7 analyses").click()
    expect(page.locator('[data-batch="succeeded"] .ba2-number')).to_have_text("7")
