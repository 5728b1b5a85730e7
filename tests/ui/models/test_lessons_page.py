"""The Lessons page: lessons learned and forgotten, as a simulated user sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.ui.routes import register_pages
from tests.memories import Rememberer, remembering
from tests.platforms import TRADER


@pytest.fixture
def learnt(user: User, tmp_path: Path) -> Iterator[Rememberer]:
    """The pages of a console that has decided twice, long ago."""
    with remembering(tmp_path) as desk:
        register_pages(desk.platform)
        desk.decide(desk.instance(situation="<img src=x onerror=alert(1)> the trend is up"), "AAPL", "MSFT")
        yield desk


async def test_an_empty_page_says_what_to_do_and_a_button_looks_for_outcomes(user: User, learnt: Rememberer) -> None:
    await user.open("/lessons")
    await user.should_see("No lessons yet")
    await user.should_see("press Look for outcomes now")
    user.find(marker="learn").click()
    await user.should_see("2 new lessons; no other decision waits for its outcome")
    await user.should_see("BUY with confidence 70 was")


async def test_a_lesson_is_deleted_and_brought_back(user: User, learnt: Rememberer) -> None:
    learnt.platform.memory.learn()
    await user.open("/lessons")
    await user.should_see(marker="delete-1")
    user.find(marker="delete-1").click()
    await user.should_see("Lesson 1 is deleted.")
    await user.should_not_see(marker="delete-1")
    user.find(marker="undo-delete").click()
    await user.should_see(marker="delete-1")


async def test_one_lesson_is_read_whole_and_its_markup_is_text(user: User, learnt: Rememberer) -> None:
    learnt.platform.memory.learn()
    await user.open("/lessons/1")
    await user.should_see("Written by rules from the prices, not by a language model.")
    links = {link.props["href"] for link in user.find(ui.link).elements}
    assert {"/market_analysis/1", "/lessons"} <= links
    shown = [html.content for html in user.find(ui.html).elements]
    assert any("&lt;img src=x" in content for content in shown)
    assert not any("<img" in content for content in shown)
    user.find(marker="delete-lesson").click()
    await user.should_see("Lesson 1 is deleted.")


async def test_a_deleted_analysis_is_named_as_such_and_an_unknown_lesson_is_not_found(
    user: User, learnt: Rememberer
) -> None:
    learnt.platform.memory.learn()
    learnt.platform.analyses.delete(2, by=TRADER)
    await user.open("/lessons/2")
    await user.should_see("2, attempt 1 (deleted)")
    await user.open("/lessons/99")
    await user.should_see("Lesson 99 not found. It may have been deleted.")


async def test_a_search_finds_by_likeness_and_says_when_nothing_is_alike(user: User, learnt: Rememberer) -> None:
    learnt.platform.memory.learn()
    learnt.filled()
    await user.open("/lessons?q=trend+up&symbol=MSFT")
    await user.should_see("Likeness")
    await user.should_not_see(marker="delete-1", retries=1)
    await user.open("/lessons?q=zebra")
    await user.should_see("No lesson matches")
