"""Shell in a real browser: pages are sent whole, banners move no row about to be pressed, keys keep their order."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess
from tests.browser.selectors import row
from tests.patience import CONSOLE_SECONDS

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
# What the browser itself counts as moved: each element that was shown in one place and is now shown in another.
OBSERVE = """
window.moved = [];
new PerformanceObserver(list => list.getEntries().forEach(entry => entry.sources.forEach(source => {
  if (source.previousRect.y !== source.currentRect.y) window.moved.push(source.node?.className);
}))).observe({type: "layout-shift", buffered: true});
"""
# A connection that is late: what the browser sends waits until the test lets it through.
HOLD = """
const send = WebSocket.prototype.send;
let held = [];
WebSocket.prototype.send = function (data) { held ? held.push(() => send.call(this, data)) : send.call(this, data); };
window.letThrough = () => { const all = held; held = null; all.forEach(one => one()); };
"""
# A busy machine: Quasar waits up to 60 ms for the size of a list.
LAID_OUT_LATE = "new Promise(done => setTimeout(done, 400))"
TYPED_EVERY_MS = 40  # so that the words last longer than a fade

# What stands last on each page of an empty console: a page that is sent before it is built lacks it.
LAST_WORDS = {
    "/marketanalysis": "Next page",
    "/marketanalysis?tab=manual": "Choose at least one expert",
    "/marketanalysis?tab=failures": "A group appears here",
    "/market_analysis/1": "Back to Job Monitoring",
    "/batches": "No batches yet",
    "/batches/1": "All batches",
    "/bulk-reruns": "None matches these filters.",
    "/bulk-reruns/1": "All batches",
    "/costs": "Adding up",
    "/retries": "Old archives",
    "/lessons": "In the store",
    "/lessons/1": "All lessons",
    "/experts": "up to 8 analyses at once",
    "/watchlists": "No watchlists yet",
    "/watchlists?tab=instruments": "No instruments",
    "/symbols/AAPL": "Watchlists...",
    "/health": "There is no backup yet",
    "/providers": "None yet.",
    "/notifications": "Older messages",
    "/schedules": "No schedules yet",
    "/schedules?tab=runs": "No runs yet",
    "/runs/1": "Expected against done",
    "/alerts": "Runs to look at",
}


def test_every_page_is_sent_whole(console: ConsoleProcess) -> None:
    with httpx.Client(base_url=console.url, timeout=CONSOLE_SECONDS, follow_redirects=True) as browser:
        sent = {address: browser.get(address).text for address in LAST_WORDS}
    assert [address for address, words in LAST_WORDS.items() if words not in sent[address]] == []


def test_what_needs_a_person_links_to_pages_that_exist(console: ConsoleProcess) -> None:
    links = {item["source"]: item["link"] for item in console.api.get("/attention").json()["items"]}
    pages = {source: httpx.get(f"{console.url}{link}", timeout=CONSOLE_SECONDS) for source, link in links.items()}
    assert {source: page.status_code for source, page in pages.items()} == dict.fromkeys(links, 200)
    assert [source for source, page in pages.items() if "Page not found" in page.text] == []


def test_a_page_shows_its_counts_and_banners_at_once(console: ConsoleProcess, open_page: Open) -> None:
    expert = console.expert(fail_with="BUG", fail_times=-1)
    console.wait_for(console.submit(expert), "failed")
    console.api.post("/queue/pause", json={})
    address = "/marketanalysis?status=failed"
    sent = httpx.get(f"{console.url}{address}").text
    assert "The queue is paused by" in sent
    page = open_page("about:blank")
    page.add_init_script(OBSERVE)
    page.goto(f"{console.url}{address}")
    console.submit(expert)
    expect(page.locator('[data-count="pending"]')).to_contain_text("1")
    assert page.evaluate("window.moved") == []


def test_a_banner_that_comes_leaves_the_rows_where_they_are(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(fail_with="BUG", fail_times=-1))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/marketanalysis")
    line = page.locator(row(page, analysis_id))
    expect(line).to_be_visible()
    before = line.bounding_box()
    console.api.post("/queue/pause", json={})
    banner = page.get_by_text("The queue is paused by")
    expect(banner).to_be_visible()
    assert line.bounding_box() == before
    box = banner.bounding_box()
    assert box is not None
    assert before is not None
    assert box["y"] > before["y"]


def test_keys_before_the_page_is_connected_keep_their_order(console: ConsoleProcess, open_page: Open) -> None:
    expert = console.expert(steps=2)
    ids = [console.submit(expert, symbol) for symbol in ("AAPL", "AMD", "INTC", "MMM", "MSFT")]
    for analysis_id in ids:
        console.wait_for(analysis_id, "completed")
    page = open_page("about:blank")
    page.add_init_script(HOLD)
    page.goto(f"{console.url}/marketanalysis")
    expect(page.locator(row(page, ids[0]))).to_be_visible()
    for _ in range(4):
        page.keyboard.press("j")
        page.keyboard.press(" ")
    page.evaluate("letThrough()")
    expect(page.get_by_text("4 selected")).to_be_visible()
    expect(page.locator(f'[data-pick="{ids[0]}"]')).to_have_attribute("aria-checked", "false")


def test_a_list_that_closes_takes_the_focus_from_no_field(console: ConsoleProcess, open_page: Open) -> None:
    console.expert()
    page = open_page(f"{console.url}/schedules")
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Expert").click()
    page.get_by_role("option", name="Practice desk").click()
    dialog.get_by_role("combobox", name="When", exact=True).click()
    page.get_by_role("option", name="By a cron line").click()
    symbols = dialog.get_by_label("Symbols", exact=True)
    symbols.focus()
    page.keyboard.type("AAPL, MSFT, NVDA", delay=TYPED_EVERY_MS)
    expect(symbols).to_have_value("AAPL, MSFT, NVDA")


def test_a_list_that_is_laid_out_late_is_shown(console: ConsoleProcess, open_page: Open) -> None:
    console.expert()
    page = open_page(f"{console.url}/schedules")
    page.get_by_role("button", name="New schedule").click()
    late = page.add_style_tag(content=".q-menu { display: none }")
    page.get_by_role("combobox", name="Expert").click()
    expect(page.locator(".q-menu")).to_be_attached()
    page.evaluate(LAID_OUT_LATE)
    late.evaluate("style => style.remove()")
    expect(page.get_by_role("option", name="Practice desk")).to_be_in_viewport()
