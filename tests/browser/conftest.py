"""Browser fixtures: a real console process and a real Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.consoles import ConsoleProcess, start_console
from tests.patience import CONSOLE_SECONDS, EVENT_SECONDS

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
expect.set_options(timeout=EVENT_SECONDS * 1000)


def find_chromium() -> str | None:
    """Return the browser to test with: BA2_CHROMIUM, or one on the PATH."""
    given = os.environ.get("BA2_CHROMIUM")
    return given or next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleProcess]:
    """An empty console; its log must hold no ERROR and no traceback when the test ends."""
    started = start_console(tmp_path / "data")
    yield started
    assert started.stop() == 0
    said = started.log.read_text()
    assert "ERROR" not in said, said
    assert "Traceback" not in said, said


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module, for Playwright keeps a loop running until it is closed; missing in CI is a failure."""
    path = find_chromium()
    if path is None:
        sentence = "No Chromium found: install Debian's with `apt-get install chromium`, or set BA2_CHROMIUM to one"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=CONSOLE_SECONDS * 1000)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages in tabs of one browser profile; none may write an error to its console."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 860})
    context.set_default_timeout(EVENT_SECONDS * 1000)

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def open_one(url: str, width: int = 1440, height: int = 860) -> Page:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    context.close()
    assert complaints == []
