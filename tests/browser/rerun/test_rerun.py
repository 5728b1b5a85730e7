"""The re-run button in a real browser: no press is lost while the table moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess, until
from tests.browser.selectors import row

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SYMBOLS = ("AAPL", "AMD", "CERN", "COST", "DELL", "GPS", "INTC", "MMM", "MSFT")


def rerun(page: Page, analysis_id: int) -> str:
    """Return the selector of its re-run button."""
    return f'[data-rerun="{analysis_id}"]'


def test_one_click_takes_a_failed_row_to_completed(console: ConsoleProcess, open_page: Open) -> None:
    expert = console.expert(fail_with="RATE_LIMIT", fail_times=1, outputs=15, recommend_before_failing=True)
    analysis_id = console.submit(expert)
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/marketanalysis")
    line = page.locator(row(page, analysis_id))
    expect(line).to_contain_text("RATE_LIMIT")
    page.click(rerun(page, analysis_id))
    expect(page.get_by_text(f"Analysis {analysis_id} queued for re-run (attempt 2, re-run 1/3)")).to_be_visible()
    expect(line).to_contain_text("completed")
    expect(line).to_contain_text("re-run 1/3")
    expect(page.locator(rerun(page, analysis_id))).to_be_hidden()


def test_the_orange_icon_is_on_exactly_the_failed_rows(console: ConsoleProcess, open_page: Open) -> None:
    good, bad = console.expert("Good desk"), console.expert("Bad desk", fail_with="AUTH", fail_times=-1)
    ids = {console.submit(expert, symbol): status for symbol in ("AAPL", "MSFT", "GPS")
           for expert, status in ((good, "completed"), (bad, "failed"))}  # fmt: skip
    for analysis_id, status in ids.items():
        console.wait_for(analysis_id, status)
    page = open_page(f"{console.url}/marketanalysis")
    expect(page.locator(".ba2-table tbody tr")).to_have_count(len(ids))
    for analysis_id, status in ids.items():
        button = page.locator(rerun(page, analysis_id))
        if status != "failed":
            expect(button).to_be_hidden()
            continue
        expect(button).to_be_visible()
        expect(button.locator("i")).to_have_text("refresh")
        assert button.evaluate("e => getComputedStyle(e).color") == "rgb(251, 140, 0)"
        button.hover()
        expect(page.get_by_role("tooltip", name="Re-run Failed Analysis").last).to_be_visible()
    orange = page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility({visibilityProperty: true}) &&"
        " getComputedStyle(e).color === 'rgb(251, 140, 0)' && !e.closest('[data-rerun]')).length"
    )
    assert orange == 0


def test_a_double_click_makes_one_attempt_and_is_told_why(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="CONNECTION", fail_times=-1, seconds=1))
    console.wait_for(analysis_id, "failed")
    console.api.post("/queue/pause", json={})
    page = open_page(f"{console.url}/marketanalysis")
    page.dblclick(rerun(page, analysis_id))
    expect(page.locator(row(page, analysis_id))).to_contain_text("pending")
    attempts = console.api.get(f"/analyses/{analysis_id}/attempts").json()["items"]
    assert [attempt["trigger"] for attempt in attempts] == ["rerun", "first"]
    expect(page.locator("aside.ba2-drawer")).to_be_hidden()


def test_a_second_tab_follows_and_its_late_click_is_told_why(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="BUG", fail_times=1))
    console.wait_for(analysis_id, "failed")
    console.api.post("/queue/pause", json={})
    first, second = (open_page(f"{console.url}/marketanalysis") for _ in range(2))
    expect(second.locator(rerun(second, analysis_id))).to_be_visible()
    handle = second.locator(rerun(second, analysis_id)).element_handle()
    first.click(rerun(first, analysis_id))
    expect(second.locator(row(second, analysis_id))).to_contain_text("pending")
    handle.evaluate("e => e.click()")
    expect(second.get_by_text("Already queued")).to_be_visible()
    console.api.post("/queue/resume", json={})
    for page in (first, second):
        expect(page.locator(row(page, analysis_id))).to_contain_text("completed")


def test_twenty_presses_of_90_ms_arrive_while_the_table_updates(console: ConsoleProcess, open_page: Open) -> None:
    failing = console.expert("Failing desk", fail_with="BUG", fail_times=-1)
    ids = [console.submit(failing, symbol) for symbol in SYMBOLS]
    ids += [console.submit(console.expert(f"Desk {symbol}", fail_with="BUG"), symbol) for symbol in SYMBOLS]
    ids += [console.submit(console.expert(f"Other {symbol}", fail_with="BUG"), symbol) for symbol in SYMBOLS[:2]]
    for analysis_id in ids:
        console.wait_for(analysis_id, "failed")
    # Seven analyses of fifty steps in fifteen seconds: more than twenty changes a second on visible rows.
    busy = console.expert("Busy desk", seconds=15, steps=50, max_concurrent=7)
    noise = [console.submit(busy, symbol) for symbol in SYMBOLS[:7]]
    page = open_page(f"{console.url}/marketanalysis?size=50", 1440, 1200)
    expect(page.locator(row(page, noise[0]))).to_contain_text("Practice step")
    for analysis_id in ids:
        box = page.locator(rerun(page, analysis_id)).bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.wait_for_timeout(90)
        page.mouse.up()

    def used() -> list[int]:
        return [console.api.get(f"/analyses/{analysis_id}").json()["reruns_used"] for analysis_id in ids]

    until(lambda: sum(used()) == len(ids), "all twenty presses to arrive")
    assert used() == [1] * 20


def test_keys_move_rerun_open_close_and_search(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="BUG", fail_times=1))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/marketanalysis")
    expect(page.locator(row(page, analysis_id))).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("tr.at")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("aside.ba2-drawer")).to_be_visible()
    expect(page).to_have_url(f"{console.url}/marketanalysis?open={analysis_id}")
    page.keyboard.press("x")
    expect(page.locator("aside.ba2-drawer")).to_be_hidden()
    page.keyboard.press("r")
    expect(page.locator(row(page, analysis_id))).to_contain_text("completed")
    page.keyboard.press("/")
    expect(page.get_by_label("Search errors")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("body").click(position={"x": 700, "y": 600})
    page.keyboard.press("?")
    expect(page.get_by_text("Keys and verbs")).to_be_visible()


def test_a_part_is_chosen_planned_and_confirmed_by_keyboard_alone(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="BUG", fail_times=1, steps=3))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/market_analysis/{analysis_id}")
    page.get_by_label("Re-run a part").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Keep the steps that completed")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.get_by_role("listitem").filter(has_text="Resume").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 of 3 steps kept, 1 done again")).to_be_visible()
    page.get_by_role("button", name="Re-run 1 of 3 steps").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("re-run 1/3, 2 steps kept")).to_be_visible()
    expect(page.get_by_text("kept from attempt 1").first).to_be_visible()
    attempts = console.api.get(f"/analyses/{analysis_id}/attempts").json()["items"]
    assert [attempt["mode"] for attempt in attempts] == ["resume", "fresh"]


def test_a_permanent_failure_asks_before_it_clears_anything(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="AUTH", fail_times=1))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/marketanalysis")
    page.click(rerun(page, analysis_id))
    expect(page.get_by_text("Previous outputs will be archived and cleared.")).to_be_visible()
    page.keyboard.press("r")  # no second question on top of the first
    page.keyboard.press("Escape")
    expect(page.get_by_text("Previous outputs will be archived and cleared.")).to_be_hidden()
    assert console.status(analysis_id) == "failed"
    page.click(rerun(page, analysis_id))
    page.get_by_role("button", name="Re-run anyway").click()
    expect(page.locator(row(page, analysis_id))).to_contain_text("completed")


def test_nothing_is_cut_off_at_1024_by_640(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="AUTH", fail_times=-1))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/marketanalysis", 1024, 640)
    for visible in (
        rerun(page, analysis_id),
        ".ba2-pager",
        ".ba2-status",
        '[aria-label="Help"]',
        '[aria-label="Next page"]',
    ):
        box = page.locator(visible).bounding_box()
        assert box is not None, visible
        assert 0 <= box["x"] <= 1024 - box["width"], visible
        assert 0 <= box["y"] <= 640 - box["height"], visible
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024


def test_thirty_page_changes_leave_no_subscription_behind(console: ConsoleProcess, open_page: Open) -> None:
    def listeners() -> float:
        metrics = console.api.get(f"{console.url}/metrics").text
        return float(
            next(line.split()[-1] for line in metrics.splitlines() if line.startswith("ba2_change_listeners "))
        )

    without_pages = listeners()
    page = open_page(f"{console.url}/marketanalysis")
    for number in range(30):
        page.goto(console.url + ("/experts" if number % 2 else "/watchlists"))
    assert listeners() == without_pages + 1
    page.close()
    until(lambda: listeners() == without_pages, "every page that was left to be forgotten")
    assert listeners() == without_pages
