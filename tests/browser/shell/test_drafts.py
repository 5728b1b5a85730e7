"""Drafts in a real browser: typed text survives a reload, a lost socket and a console that is started again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.consoles import ConsoleProcess, start_console
from tests.patience import EVENT_SECONDS

Open = Callable[..., Page]
RESTORED = "Your draft is restored"
KEPT = "[data-draft-kept]"


def a_list(console: ConsoleProcess) -> str:
    """Make a watchlist and return the address of its page."""
    made = console.api.post("/watchlists", json={"name": "Mine"}).json()["id"]
    return f"{console.url}/watchlists?list={made}"


def add_symbols(page: Page) -> None:
    """Open the dialog that takes symbols."""
    page.get_by_role("button", name="Add symbols").click()
    expect(page.get_by_label("Symbols", exact=True)).to_be_visible()


def drafts(page: Page) -> int:
    """Return how many drafts the tab keeps."""
    return int(page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('ba2-draft ')).length"))


def test_what_was_typed_survives_a_reload_until_it_is_saved(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(a_list(console))
    add_symbols(page)
    page.get_by_label("Symbols", exact=True).fill("AAPL, MS")
    page.reload()
    expect(page.locator(KEPT)).to_contain_text("Add symbols to Mine")
    add_symbols(page)
    expect(page.get_by_label("Symbols", exact=True)).to_have_value("AAPL, MS")
    expect(page.get_by_text(RESTORED)).to_be_visible()
    expect(page.locator(KEPT)).to_be_hidden()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("1 added, 1 unknown")).to_be_visible()
    page.get_by_label("Symbols", exact=True).fill("MSFT")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("1 added", exact=True)).to_be_visible()
    assert drafts(page) == 0
    page.reload()
    add_symbols(page)
    expect(page.get_by_label("Symbols", exact=True)).to_have_value("")
    expect(page.get_by_text(RESTORED)).to_be_hidden()


def test_a_draft_is_discarded_in_its_dialog_or_on_the_page(console: ConsoleProcess, open_page: Open) -> None:
    console.api.post("/instruments", json={"symbol": "BTC_USDT", "name": "Bitcoin"})
    page = open_page(f"{console.url}/watchlists?tab=instruments")
    for close in ("in the dialog", "on the page"):
        page.get_by_role("button", name="Change BTC_USDT").click()
        name = page.get_by_label("Name", exact=True)
        expect(name).to_have_value("Bitcoin")
        name.fill("Bitcoin in dollars")
        page.reload()
        if close == "in the dialog":
            page.get_by_role("button", name="Change BTC_USDT").click()
            expect(name).to_have_value("Bitcoin in dollars")
            page.get_by_role("button", name="Discard").last.click()
            expect(name).to_have_value("Bitcoin")
            page.keyboard.press("Escape")
        else:
            page.locator(KEPT).get_by_role("button", name="Discard").click()
            expect(page.locator(KEPT)).to_be_hidden()
        assert drafts(page) == 0
        page.reload()


def test_a_closed_dialog_keeps_its_draft_and_the_page_does_not_speak_of_it(
    console: ConsoleProcess, open_page: Open
) -> None:
    page = open_page(a_list(console))
    add_symbols(page)
    page.get_by_label("Symbols", exact=True).fill("GPS")
    page.get_by_role("button", name="Close").last.click()
    page.reload()
    add_symbols(page)
    expect(page.get_by_label("Symbols", exact=True)).to_have_value("GPS")
    expect(page.locator(KEPT)).to_be_hidden()


def test_a_secret_and_a_typed_confirmation_are_never_kept(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/providers")
    page.get_by_role("button", name="Add", exact=False).first.click()
    page.get_by_label("API key").fill("sk-secret")
    page.get_by_label("Name", exact=True).fill("my-server")
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "my-server" in kept
    assert "sk-secret" not in kept
    page.reload()
    page.get_by_role("button", name="Add", exact=False).first.click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("my-server")
    expect(page.get_by_label("API key")).to_have_value("")


def test_a_form_of_a_page_is_restored_by_itself(console: ConsoleProcess, open_page: Open) -> None:
    console.expert()
    page = open_page(f"{console.url}/marketanalysis?tab=manual")
    page.get_by_role("textbox", name="Symbols").fill("MSFT, AAPL")
    page.get_by_role("textbox", name="As of").fill("2014-06-30")
    page.reload()
    expect(page.get_by_role("textbox", name="Symbols")).to_have_value("MSFT, AAPL")
    expect(page.get_by_role("textbox", name="As of")).to_have_value("2014-06-30")
    expect(page.get_by_text(RESTORED)).to_be_visible()
    page.get_by_text("Practice desk").first.click()
    expect(page.get_by_role("button", name="Run 2 analyses")).to_be_enabled()  # the server has what was restored


def test_what_was_chosen_in_a_dialog_is_chosen_again(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/watchlists?tab=instruments")

    def open_dialog() -> None:
        page.get_by_role("button", name="Add days").click()
        expect(page.get_by_label("Calendar", exact=True)).to_be_visible()

    open_dialog()
    page.get_by_label("Calendar", exact=True).fill("XNYS")
    page.get_by_role("option", name="XNYS").click()
    page.get_by_label("What", exact=True).click()
    page.get_by_role("option", name="closed").click()
    page.get_by_label("First day").fill("2026-12-24")
    page.wait_for_function("JSON.stringify(sessionStorage).includes('closed_day')")
    page.reload()
    expect(page.locator(KEPT)).to_contain_text("Add calendar days")
    open_dialog()
    expect(page.get_by_text("XNYS is known from")).to_be_visible()
    expect(page.get_by_text(RESTORED)).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).last.click()
    expect(page.get_by_text("XNYS: closed day 2026-12-24 added").first).to_be_visible()
    assert drafts(page) == 0


def test_ticks_and_lists_of_a_form_are_restored_and_discarded(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(a_list(console))
    add_symbols(page)
    tick = page.get_by_role("checkbox", name="Also symbols that the price provider does not know")
    tick.click()
    page.wait_for_function("JSON.stringify(sessionStorage).includes('choices')")
    page.reload()
    add_symbols(page)
    expect(tick).to_be_checked()
    expect(page.get_by_text(RESTORED)).to_be_visible()
    page.get_by_role("button", name="Discard").last.click()
    expect(tick).not_to_be_checked()
    assert drafts(page) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "again"


def test_a_console_that_is_started_again_while_somebody_types_takes_nothing(browser: Browser, folder: Path) -> None:
    first = start_console(folder)
    port = int(first.url.rsplit(":", 1)[1])
    address = a_list(first)
    page = browser.new_page()
    page.set_default_timeout(EVENT_SECONDS * 1000)
    page.goto(address)
    add_symbols(page)
    text = page.get_by_label("Symbols", exact=True)
    text.fill("AAPL")
    assert first.stop() == 0
    text.press_sequentially(", MSFT")  # nobody hears it
    second = start_console(folder, port=port)
    try:
        expect(page.locator(KEPT)).to_contain_text("Add symbols to Mine")  # the page has loaded itself anew
        add_symbols(page)
        expect(text).to_have_value("AAPL, MSFT")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text("2 added", exact=True)).to_be_visible()
    finally:
        page.close()
        assert second.stop() == 0


def test_typing_goes_on_while_the_browser_is_offline(console: ConsoleProcess, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(EVENT_SECONDS * 1000)
    page.goto(a_list(console))
    add_symbols(page)
    context.set_offline(True)
    page.get_by_label("Symbols", exact=True).fill("INTC")
    context.set_offline(False)
    page.reload()
    add_symbols(page)
    expect(page.get_by_label("Symbols", exact=True)).to_have_value("INTC")
    context.close()
