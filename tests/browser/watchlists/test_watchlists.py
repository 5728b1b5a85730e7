"""Watchlists in a real browser: pastes, files, keys, ticks while the table updates, and markers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
CSV = "symbol;watchlist\nGPS;Größe\nZZZZ;Mine\n".encode("cp1252")
SHOWN = ".ba2-watch"


def filled(console: ConsoleProcess, text: str, **more: object) -> int:
    """Return a watchlist of these symbols."""
    made = console.api.post("/watchlists", json={"name": "Mine"}).raise_for_status().json()["id"]
    console.api.post(f"/watchlists/{made}/items", json={"text": text, **more}).raise_for_status()
    return int(made)


def test_a_paste_is_answered_and_a_file_is_looked_through_first(console: ConsoleProcess, open_page: Open) -> None:
    filled(console, "AAPL")
    page = open_page(f"{console.url}/watchlists")
    table = page.locator(SHOWN)
    expect(table).to_contain_text("never analysed")
    expect(table).to_contain_text("110.38")
    page.get_by_role("button", name="Add symbols").click()
    page.get_by_label("Symbols", exact=True).fill("MSFT; AAPL nope!")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("1 added, 1 there already, 1 not usable")).to_be_visible()
    expect(page.get_by_label("Symbols", exact=True)).to_have_value("nope!")
    page.get_by_role("button", name="Close").last.click()
    expect(table).to_contain_text("Microsoft")
    page.get_by_role("button", name="Import", exact=True).click()
    file = {
        "name": "l.csv",
        "mimeType": "text/csv",
        "buffer": "symbol;watchlist\nGPS;Größe\nZZZZ;Mine\n".encode("cp1252"),
    }
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # Playwright's payload
    expect(page.get_by_text("1 to be added, 1 unknown to the price provider and left out")).to_be_visible()
    assert len(console.api.get("/watchlists").json()["items"]) == 1
    page.get_by_role("button", name="Import", exact=True).last.click()
    expect(page.get_by_role("link", name="Größe 1")).to_be_visible()


def test_keys_tick_and_no_click_is_lost_while_analyses_run(console: ConsoleProcess, open_page: Open) -> None:
    filled(console, "AAPL MSFT INTC AMD")
    page = open_page(f"{console.url}/watchlists")
    table = page.locator(SHOWN)
    expect(table).to_contain_text("Intel")
    expert = console.expert(seconds=2, steps=20)
    for symbol in ("AAPL", "MSFT", "INTC", "AMD"):
        console.submit(expert, symbol)
    for symbol in ("MSFT", "AMD", "INTC"):
        page.get_by_role("checkbox", name=f"Tick {symbol}").click()
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("3 selected")).to_be_hidden()
    for key in ("j", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(table).to_contain_text("Analysis completed just now")
    page.get_by_role("button", name="Top").click()
    expect(table.locator("tbody tr").nth(0)).not_to_contain_text("AAPL")
    page.get_by_role("button", name="Take off the list").click()
    expect(page.get_by_text("1-3 of 3")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1-4 of 4")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Symbol or name")).to_be_focused()


def test_a_marker_of_the_chart_opens_its_analysis(console: ConsoleProcess, open_page: Open) -> None:
    filled(console, "AAPL")
    analysis_id = console.submit(console.expert())
    console.wait_for(analysis_id, "completed")
    page = open_page(f"{console.url}/watchlists")
    page.get_by_role("link", name="AAPL").click()
    expect(page.locator(".ba2-symbol-price")).to_have_text("110.38 USD")
    expect(page.get_by_role("table", name="Analyses of AAPL")).to_contain_text("completed")
    page.get_by_role("button", name="Line").click()
    expect(page.get_by_role("img", name=re.compile("1 recommendations"))).to_be_visible()
    page.get_by_role("button", name="Analyse now").click()
    expect(page.get_by_label("Bulk analysis")).to_be_visible()
    page.keyboard.press("Escape")
    marker = page.locator(".ba2-symbol-chart svg path[stroke*='ba2-panel']")
    marker.hover()
    expect(page.get_by_text("SELL 60 % by Practice desk at 110.38")).to_be_visible()
    marker.click()
    page.wait_for_url(f"**/market_analysis/{analysis_id}")


def test_a_long_list_shows_one_page_at_a_time_and_stays_quick(console: ConsoleProcess, open_page: Open) -> None:
    filled(console, " ".join(f"S{number}" for number in range(5_000)), unknown=True)
    page = open_page(f"{console.url}/watchlists")
    expect(page.get_by_text("1-100 of 5,000")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("101-200 of 5,000")).to_be_visible()
    expect(page.locator(SHOWN)).to_contain_text("S100")
    page.get_by_label("Symbol or name").fill("S4999")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1-1 of 1")).to_be_visible()


def test_a_file_leaves_its_encoding_and_its_column_to_the_trader(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/watchlists?tab=instruments")

    def give(text: str, encoding: str) -> None:
        page.get_by_role("button", name="Import", exact=True).first.click()
        file = {"name": "l.csv", "mimeType": "text/csv", "buffer": text.encode(encoding)}
        page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # Playwright's payload

    give("symbol,name\nPKN.WA,Orlen Spółka Łódź\n", "cp1250")
    expect(page.get_by_text("Read as windows-1250, which is assumed")).to_be_visible()
    page.get_by_label("Encoding").click()
    expect(page.get_by_text("windows-1252: Orlen Spó³ka £ódŸ")).to_be_visible()
    page.get_by_text("windows-1252: Orlen").click()
    expect(page.get_by_text("looks read in a wrong encoding (perhaps Orlen Spółka Łódź)")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).last.click()
    expect(page.get_by_role("img", name="looks read in a wrong encoding")).to_be_visible()

    give("Code,Company\nMSFT,Microsoft\nUSD,\n", "utf-8")
    expect(page.get_by_role("alert").get_by_text("line 1 has Code, Company: choose which of them")).to_be_visible()
    page.get_by_label("Column of symbols").click()
    page.get_by_role("option", name="Code").click()
    expect(page.get_by_text("1 to be added, 1 to be decided by you")).to_be_visible()
    page.get_by_text("Also lines that may be cash").click()
    expect(page.get_by_text("2 to be added")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).last.click()
    expect(page.get_by_role("table", name="Instruments")).to_contain_text("USD")
