"""The detail page in a real browser: with Manual Analysis and Experts, the parts that a simulated user cannot see."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess

pytestmark = pytest.mark.browser
Open = Callable[..., Page]

# Every text that is in sight against the nearest opaque background behind it, by WCAG's formula.
FAINT_TEXTS = """
() => {
  const channel = c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const rgba = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > .95) return c;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.querySelector('.ba2-main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement;
    if (!node.textContent.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest('[disabled],.disabled'))
      continue;
    const style = getComputedStyle(e), front = rgba(e.closest('svg') ? style.fill : style.color);
    const [a, b] = [light(front), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) faint.push(`${node.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
}
"""


def test_a_newcomer_repairs_an_expired_key(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert("Expired key", fail_with="AUTH", fail_times=-1, action="BUY"))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/market_analysis/{analysis_id}")
    expect(
        page.get_by_text(
            "The API key was refused. Enter it anew on the page Providers, or in the expert's settings, then re-run."
        )
    ).to_be_visible()
    page.get_by_role("link", name="Settings of this expert").click()
    page.get_by_label("Fail with").click()
    page.get_by_role("option", name="none").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Expired key saved, settings revision 2")).to_be_visible()
    page.go_back()
    rerun = page.get_by_role("button", name="Re-run Failed Analysis")
    assert rerun.evaluate("e => getComputedStyle(e).color") == "rgb(251, 140, 0)"
    rerun.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("the expert's settings were changed since")
    page.get_by_role("button", name="Re-run anyway").click()
    expect(page.get_by_text("queued for re-run (attempt 2, re-run 1/3)")).to_be_visible()
    expect(page.locator(".ba2-detail-title")).to_contain_text("completed")
    expect(rerun).to_be_hidden()
    expect(page.get_by_role("img", name=re.compile("Candlestick chart of AAPL.*Target .*Stop"))).to_be_visible()
    expect(page.locator(".ba2-chart svg")).to_contain_text("Target 117.00")


def test_candles_are_green_up_and_red_down_in_dark_and_in_light(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert())
    console.wait_for(analysis_id, "completed")
    page = open_page(f"{console.url}/market_analysis/{analysis_id}")
    expect(page.locator(".ba2-chart svg path").first).to_be_attached()
    colours = "[...new Set([...document.querySelectorAll('.ba2-chart svg path')].map(e => getComputedStyle(e).fill))]"
    dark = page.evaluate(colours)
    assert {"rgb(74, 222, 128)", "rgb(255, 138, 128)"} <= set(dark)
    page.get_by_role("button", name="Dark or light").click()
    expect(page.locator("body.body--light")).to_be_attached()
    assert {"rgb(20, 113, 58)", "rgb(179, 38, 30)"} <= set(page.evaluate(colours))


def test_what_is_open_and_where_it_is_scrolled_to_stay_while_it_runs(console: ConsoleProcess, open_page: Open) -> None:
    console.api.post("/queue/pause", json={})
    analysis_id = console.submit(console.expert(seconds=6, steps=12, outputs=24))
    page = open_page(f"{console.url}/market_analysis/{analysis_id}", 1024, 640)
    expect(page.locator(".ba2-detail-title")).to_contain_text("pending")
    console.api.post("/queue/resume", json={})  # with the page there already: it lasts six seconds and no longer
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_text("Practice note 1", exact=True).click()
    note = page.get_by_text("Practice note 1 of 24")
    expect(note).to_be_visible()
    page.locator(".ba2-scroll").evaluate("e => { e.scrollTop = 150; }")
    expect(page.locator(".ba2-detail-title")).to_contain_text("completed")
    expect(page.get_by_text("Practice note 24", exact=True)).to_be_attached()
    expect(note).to_be_visible()
    assert page.locator(".ba2-scroll").evaluate("e => e.scrollTop") > 0


def test_a_press_on_a_line_meets_it_while_outputs_come(console: ConsoleProcess, open_page: Open) -> None:
    analysis_id = console.submit(console.expert(seconds=4, steps=8, outputs=16))
    page = open_page(f"{console.url}/market_analysis/{analysis_id}")
    expect(page.locator(".ba2-chart svg")).to_be_visible()
    page.get_by_text("Practice note 1", exact=True).hover()
    page.mouse.down()
    expect(page.get_by_text("Practice note 6", exact=True)).to_be_attached()
    page.mouse.up()
    expect(page.get_by_text("Practice note 1 of 16")).to_be_visible()


@pytest.mark.parametrize(("width", "columns"), [(320, 1), (1024, 2), (1440, 2), (3840, 2)])
def test_the_page_fits_its_window(console: ConsoleProcess, open_page: Open, width: int, columns: int) -> None:
    analysis_id = console.submit(console.expert(fail_with="BUG", outputs=15, recommend_before_failing=True))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/market_analysis/{analysis_id}", width, 700)
    expect(page.locator(".ba2-chart svg")).to_be_visible()
    for path in (f"/market_analysis/{analysis_id}", "/experts", "/watchlists", "/marketanalysis?tab=manual"):
        page.goto(f"{console.url}{path}")
        scroll = page.locator("main.ba2-main" if path == "/watchlists" else ".ba2-scroll")
        expect(scroll).to_be_visible()
        assert scroll.evaluate("e => e.scrollWidth - e.clientWidth") == 0, path
        if "market_analysis" in path:
            shown = page.locator(".ba2-detail-columns").evaluate("e => getComputedStyle(e).gridTemplateColumns")
            assert len(shown.split()) == columns


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_every_text_stands_out_from_what_is_behind_it(console: ConsoleProcess, open_page: Open, mode: str) -> None:
    good, bad = console.expert("Good"), console.expert("Bad", fail_with="BUG", recommend_before_failing=True)
    done, failed = console.submit(good), console.submit(bad)
    console.wait_for(done, "completed")
    console.wait_for(failed, "failed")
    page = open_page(f"{console.url}/watchlists")
    if mode == "light":
        page.get_by_role("button", name="Dark or light").click()
        expect(page.locator("body.body--light")).to_be_attached()
    paths = (f"/market_analysis/{done}", f"/market_analysis/{failed}", "/experts", "/marketanalysis?tab=manual")
    for path in ("/watchlists", *paths):
        page.goto(f"{console.url}{path}")
        panel = page.locator(".ba2-main .ba2-panel:visible").first
        expect(
            page.get_by_role("heading", name="No watchlists yet") if path == "/watchlists" else panel
        ).to_be_visible()
        if "market_analysis" in path:
            expect(page.locator(".ba2-chart svg text").first).to_be_attached()
        assert page.evaluate(FAINT_TEXTS) == [], path


def test_pasted_symbols_become_a_batch_that_can_be_watched(console: ConsoleProcess, open_page: Open) -> None:
    console.expert("First desk")
    page = open_page(f"{console.url}/marketanalysis?tab=manual")
    page.get_by_role("checkbox", name="First desk").click()
    page.get_by_label("Symbols").last.fill("aapl, msft\ngps")
    page.get_by_role("button", name="Run 3 analyses").click()
    expect(page.get_by_text("Batch 1: 3 analyses queued").first).to_be_visible()
    page.get_by_role("link", name="Watch this batch").click()
    expect(page).to_have_url(f"{console.url}/batches/1")
    expect(page.get_by_text("3 of 3")).to_be_visible()


def test_every_control_of_the_detail_page_is_reached_by_keyboard_and_has_a_name(
    console: ConsoleProcess, open_page: Open
) -> None:
    analysis_id = console.submit(console.expert(fail_with="BUG", outputs=2))
    console.wait_for(analysis_id, "failed")
    page = open_page(f"{console.url}/market_analysis/{analysis_id}")
    expect(page.locator(".ba2-chart svg")).to_be_visible()
    nameless = "[...document.querySelectorAll('button, a')].filter(e => e.checkVisibility() && !("
    nameless += "e.innerText.replace(/^\\w+_?\\w*$/, '').trim() || e.getAttribute('aria-label') || e.innerText.trim()))"
    nameless += ".map(e => e.outerHTML)"
    assert page.evaluate(nameless) == []
    for name in ("Traceback", "Practice note 1", "Practice step 1 of 2", "Attempt 1", "Expert state"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(str(page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''")))
    text = "\n".join(reached)
    for control in ("Re-run", "Run again", "Delete", "Traceback", "Practice note 1", "Practice step 1", "first run"):
        assert control in text, control
