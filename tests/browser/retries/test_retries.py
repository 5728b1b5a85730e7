"""Retries in a real browser: they count down, and providers are held back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess, until
from tests.browser.selectors import row

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
HOURS = {"max_retries": 2, "retry_base_seconds": 80_000, "retry_cap_seconds": 80_000}


def waiting(console: ConsoleProcess) -> int:
    """Return an analysis that waits long for its retry."""
    analysis_id = console.submit(console.expert(fail_with="CONNECTION", fail_times=1, **HOURS))
    until(lambda: bool(console.api.get(f"/analyses/{analysis_id}").json()["retries_used"]), "the retry")
    return analysis_id


def test_a_waiting_row_counts_down_by_itself_and_run_now_ends_the_wait(
    console: ConsoleProcess, open_page: Open
) -> None:
    analysis_id = waiting(console)
    page = open_page(f"{console.url}/marketanalysis")
    line = page.locator(row(page, analysis_id))
    expect(line).to_contain_text(re.compile(r"retry 1/2 in (\d+:)?\d+:\d\d"))
    expect(line).to_contain_text("CONNECTION")
    left = line.locator("[data-due]")
    shown = left.text_content() or ""
    expect(left).not_to_have_text(shown)
    line.get_by_role("button", name=f"More for analysis {analysis_id}").click()
    page.get_by_text("Run now", exact=True).click()
    expect(page.get_by_text(f"Analysis {analysis_id} runs now (retry 1/2)")).to_be_visible()
    expect(line).to_contain_text("completed")
    expect(line.locator("[data-due]")).to_have_count(0)


def test_stop_retrying_gives_the_orange_button_back(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = waiting(console)
    page = open_page(f"{console.url}/market_analysis/{analysis_id}")
    expect(page.locator(".ba2-retry")).to_contain_text(re.compile(r"retry 1/2 in "))
    expect(page.get_by_role("button", name="Re-run Failed Analysis")).to_be_hidden()
    page.get_by_role("button", name="Stop retrying").click()
    expect(page.get_by_text("it stands failed (CONNECTION)")).to_be_visible()
    expect(page.get_by_role("button", name="Re-run Failed Analysis")).to_be_visible()


def test_a_held_provider_is_seen_from_every_page(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = waiting(console)
    page = open_page(f"{console.url}/marketanalysis")
    console.api.post("/breakers/practice/open", json={"reason": "maintenance"}).raise_for_status()
    expect(page.get_by_text("practice is held back (maintenance): 1 retry waits.")).to_be_visible()
    expect(page.locator(row(page, analysis_id))).to_contain_text(re.compile("retry 1/2.*waits for practice"))
    page.get_by_role("link", name="Providers").first.click()
    expect(page.get_by_role("table", name="Held back now")).to_contain_text("trader: maintenance")


def test_the_countdown_is_never_blank_while_the_table_updates(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = waiting(console)
    console.submit(console.expert("Busy desk", seconds=20, steps=50), "MSFT")
    page = open_page(f"{console.url}/marketanalysis")
    expect(page.locator(row(page, analysis_id))).to_contain_text(re.compile(r"retry 1/2 in "))
    expect(page.locator(".ba2-progress").first).to_be_visible()
    seen = page.evaluate(
        """() => new Promise(resolve => {
          const texts = new Set(), cells = new Set(), until = performance.now() + 3000;
          const look = () => {
            const cell = document.querySelector('[data-due]');
            texts.add(cell ? /^ in \\d/.test(cell.textContent) : null);
            cells.add(cell);
            performance.now() < until ? requestAnimationFrame(look) : resolve([[...texts], cells.size]);
          };
          look();
        })"""
    )
    assert seen[0] == [True]
    assert seen[1] > 1, "the table did not make its cells anew, so this proves nothing"
