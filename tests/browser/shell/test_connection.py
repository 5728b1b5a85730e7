"""Connection: the page says when it is cut off, and an address that is none is answered inside the frame."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def test_a_page_that_is_cut_off_says_since_when(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/marketanalysis")
    state, cut_off = page.locator(".ba2-state"), page.locator(".ba2-no-connection")
    expect(state).to_have_text("Working")
    page.evaluate("window.socket.disconnect()")
    expect(cut_off).to_have_text(re.compile(r"No connection since \d\d:\d\d:\d\d"))
    expect(state).to_be_hidden()
    expect(page.locator("#popup")).to_be_hidden()
    assert page.locator("main.ba2-main").evaluate("element => getComputedStyle(element).opacity") == "0.55"
    page.evaluate("window.socket.connect()")
    expect(state).to_be_visible()
    expect(cut_off).to_be_hidden()


def test_the_status_bar_says_that_the_queue_is_paused(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/marketanalysis")
    page.get_by_label("Pause the queue").click()
    expect(page.locator(".ba2-state")).to_have_text("Paused")
    page.get_by_label("Resume the queue").click()
    expect(page.locator(".ba2-state")).to_have_text("Working")


def test_an_unknown_address_is_answered_inside_the_frame(console: ConsoleProcess) -> None:
    answer = httpx.get(f"{console.url}/market-analysis")  # by no browser, which would call it an error
    assert answer.status_code == 404
    for words in ("There is no such page", "/market-analysis", "To Job Monitoring", "Watchlists and instruments"):
        assert words in answer.text


@pytest.mark.parametrize("path", ["/market-analysis", "/static/ba2/kit/none.js", "/api/v1/none", "/%00"])
def test_what_is_not_there_is_404(console: ConsoleProcess, path: str) -> None:
    answer = httpx.get(console.url + path)
    assert answer.status_code == 404
    assert "HTTPException" not in answer.text
