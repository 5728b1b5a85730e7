"""Experts form in a real browser: pickers by mouse and keyboard, keys that save or ask, and a trial in the dialog."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess, start_console, until
from tests.debates import KEY, PRICES, write_research
from tests.fakes.debaters import Debaters
from tests.fakes.model_server import Reply, model_server
from tests.patience import EVENT_SECONDS

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
MANY = "".join(f"lab,model-{number:02},2020-01-01,{number},,{number},x\n" for number in range(60))


@pytest.fixture
def debaters() -> Iterator[Debaters]:
    """The server that the debate desk asks."""
    with model_server() as server:
        yield Debaters(server)


@pytest.fixture
def console(tmp_path: Path, debaters: Debaters) -> Iterator[ConsoleProcess]:
    """A console with a debate desk that asks the server, and sixty priced models; its log must hold no ERROR."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "prices.csv").write_text(PRICES + MANY)
    started = start_console(data, BA2_RESEARCH_DIR=str(write_research(tmp_path / "research")))
    given = {"quick_model": "small", "deep_model": "large", "base_url": f"{debaters.server.url}/v1", "key": KEY}
    started.api.post("/providers", json={"name": "lab", "kind": "openai", **given}).raise_for_status()
    settings = {"providers": ["lab", "openai"], "call_retries": 0, "sentiment_analyst": False}
    desk = {"expert": "DebateDesk", "alias": "Debaters", "settings": settings}
    started.api.post("/expert-instances", json=desk).raise_for_status()
    yield started
    assert started.stop() == 0
    assert "ERROR" not in started.log.read_text()


def form(console: ConsoleProcess, open_page: Open, **size: int) -> Page:
    """Open the form of the one expert."""
    page = open_page(f"{console.url}/experts?edit=1", **size)
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    return page


def names(page: Page) -> list[str]:
    """Return the chosen providers."""
    return page.locator(".ba2-picker-name").all_inner_texts()


def settings(console: ConsoleProcess) -> dict[str, object]:
    """Return what is saved."""
    (one,) = console.api.get("/expert-instances").raise_for_status().json()["items"]
    return dict(one["settings"])


def test_a_model_is_searched_chosen_and_saved_by_the_keyboard(console: ConsoleProcess, open_page: Open) -> None:
    page = form(console, open_page)
    quick = page.get_by_role("combobox", name="Quick model")
    quick.click()
    options = page.locator(".ba2-option")
    expect(options.first).to_contain_text("lab:small")
    expect(page.locator(".ba2-option-group").first).to_contain_text("lab")
    quick.fill("model-07")
    expect(options).to_have_count(1)
    expect(options).to_contain_text("$7 in, $7 out a million")
    expect(page.locator(".ba2-option-group")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(quick).to_have_value("lab:model-07")
    deep = page.get_by_role("combobox", name="Deep model")
    deep.click()
    deep.fill("lab:never-heard-of")
    page.keyboard.press("Tab")
    expect(deep).to_have_value("lab:never-heard-of")
    expect(page.get_by_text("not known here")).to_be_visible()
    page.get_by_label("Debate rounds").fill("2")
    page.get_by_label("Debate rounds").press("Enter")
    expect(page.get_by_text("Debaters saved, settings revision 2")).to_be_visible()
    kept = settings(console)
    assert (kept["quick_model"], kept["deep_model"]) == ("lab:model-07", "lab:never-heard-of")
    assert (kept["debate_rounds"], kept["providers"]) == (2, ["lab", "openai"])


def test_an_order_is_changed_by_keys_and_the_focus_follows(console: ConsoleProcess, open_page: Open) -> None:
    page = form(console, open_page)
    page.get_by_role("button", name="Ask lab later").focus()
    page.keyboard.press("Enter")
    until(lambda: names(page) == ["openai", "lab"], "the line to move")
    expect(page.get_by_role("button", name="Ask lab earlier")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    until(lambda: names(page) == ["lab", "openai"], "the line to move back")
    expect(page.get_by_role("button", name="Ask lab later")).to_be_focused()


def test_escape_closes_a_list_first_and_asks_before_changes_are_lost(console: ConsoleProcess, open_page: Open) -> None:
    page = form(console, open_page)
    page.get_by_role("combobox", name="Quick model").click()
    expect(page.locator(".ba2-option").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".ba2-option")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    page.get_by_label("Alias").fill("Renamed")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Leave without saving?")).to_be_visible()
    page.get_by_role("button", name="Go on editing").click()
    expect(page.get_by_label("Alias")).to_have_value("Renamed")
    page.mouse.click(5, 5)
    expect(page.get_by_label("Alias")).to_have_value("Renamed")
    page.get_by_label("Alias").fill("Debaters")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


def test_a_number_out_of_bounds_stays_as_it_was_typed_and_is_refused(console: ConsoleProcess, open_page: Open) -> None:
    page = form(console, open_page)
    page.get_by_text("More settings").click()
    days = page.get_by_label("News days")
    days.fill("999")
    page.get_by_text("More settings").click()
    expect(days).not_to_be_visible()
    page.get_by_label("Alias").press("Enter")
    expect(page.get_by_text("Input should be less than or equal to 90").first).to_be_visible()
    expect(days).to_have_value("999")
    expect(days).to_be_in_viewport()
    assert settings(console)["news_days"] == 14


def test_a_trial_is_watched_cancelled_and_answered_in_the_dialog(
    console: ConsoleProcess, open_page: Open, debaters: Debaters
) -> None:
    page = form(console, open_page)
    page.get_by_label("Debate rounds").fill("2")
    symbol = page.get_by_role("combobox", name="Symbol")
    symbol.click()
    symbol.fill("msft")
    page.keyboard.press("Tab")
    debaters.hold("bull")
    begin = page.get_by_role("button", name="Try on one symbol")
    begin.click()
    assert debaters.held.wait(EVENT_SECONDS)
    result = page.locator(".ba2-trial-result")
    expect(result).to_contain_text("Bull researcher, round 1")
    page.get_by_role("button", name="Cancel the trial").click()
    expect(result).to_contain_text("cancelled")
    debaters.sensible()
    begin.click()
    expect(result).to_contain_text(re.compile(r"MSFT, confidence \d+"))
    expect(result).to_contain_text("A trial: not kept, never traded")
    expect(result).to_contain_text("USD")
    debaters.trouble = lambda _: Reply(status=401, error="Wrong key")
    begin.click()
    expect(result).to_contain_text("lab refused the API key: Wrong key")
    expect(result).to_contain_text("AUTH")
    assert console.api.get("/analyses").json()["items"] == []
    assert settings(console)["debate_rounds"] == 1


@pytest.mark.parametrize("leave", ["dialog", "tab"])
def test_who_leaves_pays_for_no_further_call(
    console: ConsoleProcess, open_page: Open, debaters: Debaters, leave: str
) -> None:
    page = form(console, open_page)
    symbol = page.get_by_role("combobox", name="Symbol")
    symbol.click()
    symbol.fill("msft")
    page.keyboard.press("Tab")
    debaters.hold("bull")
    page.get_by_role("button", name="Try on one symbol").click()
    assert debaters.held.wait(EVENT_SECONDS)
    if leave == "dialog":
        page.get_by_role("button", name="Close").click()
    else:
        page.close()
    until(lambda: console.api.get("/trials/1").json()["outcome"] == "cancelled", "the trial to be cancelled")
    assert debaters.server.asked[-1].left.wait(EVENT_SECONDS)


def test_everything_fits_on_a_narrow_screen(console: ConsoleProcess, open_page: Open) -> None:
    page = form(console, open_page, width=400, height=800)
    for name in ("Save", "Close", "Try on one symbol", "Ask lab later", "Do not ask lab"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400, name
    assert page.evaluate("document.querySelector('.ba2-form-scroll').scrollWidth <= 400")
