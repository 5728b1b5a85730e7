"""The failure inbox in a real browser: worked by keyboard alone, and the chip of a verdict in the table."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess

Open = Callable[..., Page]


def fail(console: ConsoleProcess, code: str = "AUTH") -> str:
    """Have an analysis fail, and return the fingerprint of its group."""
    analysis_id = console.submit(console.expert(f"Fails with {code}", fail_with=code))
    console.wait_for(analysis_id, "failed")
    return str(console.api.get("/failures").json()["items"][0]["fingerprint"])


def test_a_group_is_resolved_undone_and_ignored_by_keyboard_alone(console: ConsoleProcess, open_page: Open) -> None:
    fingerprint = fail(console)
    page = open_page(f"{console.url}/marketanalysis?tab=failures")
    resolve = page.get_by_label("Resolve: it leaves the inbox until it comes back (AUTH)")
    resolve.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(resolve).to_be_focused()
    expect(resolve).to_have_css("box-shadow", re.compile("inset"))  # the keyboard's place is seen
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing needs you.").first).to_be_visible()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("unresolved")).to_be_visible()
    page.get_by_label("Ignore AUTH").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.closest('.q-menu')")  # it takes the focus once it stands
    for key in ("Tab", "Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("AUTH: Ignored until 10 more")).to_be_visible()
    assert console.api.get(f"/failures/{fingerprint}").json()["ignore_more"] == 10


def test_the_chip_of_a_row_opens_the_card_and_the_word_on_it_is_kept(console: ConsoleProcess, open_page: Open) -> None:
    fail(console, "BUG")
    page = open_page(f"{console.url}/marketanalysis")
    page.get_by_label("Unknown: read it and decide (no re-run of this error has ended yet)").click()
    expect(page.get_by_text("By its code, BUG, it is unknown.")).to_be_visible()
    page.get_by_label("Hold it to be").click()
    page.get_by_role("option", name="permanent").click()
    page.get_by_label("Reason").fill("known fault, next release")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Permanent: fix first (fault in the expert)")).to_be_visible()
    expect(page.locator("[data-rerun].ba2-outlined")).to_be_visible()


def test_the_inbox_fits_a_narrow_window_without_moving_the_page_sideways(
    console: ConsoleProcess, open_page: Open
) -> None:
    fail(console)
    page = open_page(f"{console.url}/marketanalysis?tab=failures", 400, 800)
    expect(page.get_by_label("Re-run group: 1 failed analyses (AUTH)")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
