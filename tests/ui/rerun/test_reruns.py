"""The re-run button: with its menu and its questions, as a simulated user meets them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.routes import register_pages
from ba2_trade_platform.vocabulary import Status
from tests.eventually import eventually
from tests.fakes.side_effects import Orders
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, drain, make_platform, practice, row, submit
from tests.sql import change, file_of


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def desk(user: User, tmp_path: Path, orders: Orders) -> Iterator[Desk]:
    """The pages of an empty console whose recommendations an order book may act on."""
    platform = make_platform(tmp_path, side_effects=[orders])
    made = register_pages(platform)
    platform.start()
    yield made
    platform.stop()


def failed(desk: Desk, **settings: Any) -> int:
    """Return an analysis that has failed in its third step and completes when it is done again."""
    chosen = {"fail_with": "RATE_LIMIT", "fail_times": 1, "steps": 3, **settings}
    analysis_id = submit(desk.platform, practice(desk.platform, **chosen))
    drain(desk.platform)
    return analysis_id


def element(user: User, marker: str) -> Any:
    """Return the one element of this name."""
    (found,) = user.find(marker=marker).elements
    return found


def unfold(user: User) -> None:
    """Open the menu beside the orange button."""
    with user:
        element(user, "rerun-modes").open()


async def choose(user: User, analysis_id: int, mode: str) -> None:
    """Open the page and its menu, and choose a mode."""
    await user.open(f"/market_analysis/{analysis_id}")
    unfold(user)
    await user.should_see(marker=f"rerun-{mode}")
    user.find(marker=f"rerun-{mode}").click()
    await user.should_see(marker="rerun-confirm")


async def test_a_permanent_failure_is_warned_of_and_rerun_when_the_trader_insists(user: User, desk: Desk) -> None:
    analysis_id = failed(desk, fail_with="AUTH")
    await user.open(f"/market_analysis/{analysis_id}")
    assert "ba2-outlined" in element(user, "re-run").classes
    user.find(marker="re-run").click()
    await user.should_see(f"Re-run analysis {analysis_id} (AAPL, Practice desk)?")
    await user.should_see("Permanent: fix first (")
    await user.should_see(
        "The API key was refused. Enter it anew on the page Providers, or in the expert's settings, then re-run."
    )
    await user.should_see("Previous outputs will be archived and cleared.")
    assert row(desk.platform, analysis_id).status is Status.FAILED
    user.find(marker="rerun-anyway").click()
    await user.should_see("queued for re-run (attempt 2, re-run 1/3)")


async def test_a_trader_who_keeps_it_changes_nothing(user: User, desk: Desk) -> None:
    analysis_id = failed(desk, fail_with="AUTH")
    await user.open(f"/market_analysis/{analysis_id}")
    user.find(marker="re-run").click()
    await user.should_see("Keep it")
    user.find(kind=ui.button, content="Keep it").click()
    await eventually(lambda: element(user, "re-run").enabled)
    assert row(desk.platform, analysis_id).attempt == 1


async def test_a_reached_limit_asks_for_a_reason(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    change(file_of(desk.platform), "UPDATE market_analysis SET reruns_used = 3")
    await user.open(f"/market_analysis/{analysis_id}")
    user.find(marker="re-run").click()
    await user.should_see("re-run 4/3 needs an override with a reason")
    assert element(user, "rerun-anyway").enabled is False
    user.find(marker="rerun-reason").type("the feed was repaired")
    await eventually(lambda: element(user, "rerun-anyway").enabled)
    user.find(marker="rerun-anyway").click()
    await user.should_see("queued for re-run (attempt 2, re-run 4/3)")
    assert desk.platform.monitoring.details.attempts(analysis_id)[0].reason == "the feed was repaired"


async def test_what_acts_on_the_recommendation_is_listed_first(user: User, desk: Desk, orders: Orders) -> None:
    analysis_id = failed(desk)
    orders.place(analysis_id, 17)
    orders.place(analysis_id, 18, "stop at 96.10, open")
    await user.open(f"/market_analysis/{analysis_id}")
    user.find(marker="re-run").click()
    await user.should_see("order 17: buy 10 AAPL, filled")
    await user.should_see("order 18: stop at 96.10, open")
    user.find(marker="rerun-reason").type("they are wanted anyway")
    await eventually(lambda: element(user, "rerun-anyway").enabled)
    user.find(marker="rerun-anyway").click()
    await user.should_see("queued for re-run (attempt 2, re-run 1/3)")


async def test_a_part_is_chosen_its_plan_is_shown_and_held_to(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    await choose(user, analysis_id, "resume")
    await user.should_see("2 of 3 steps kept, 1 done again")
    await user.should_see("it did not complete")
    assert element(user, "rerun-confirm").text == "Re-run 1 of 3 steps"
    user.find(marker="mode-only").click()
    await eventually(lambda: element(user, "rerun-step").visible)
    element(user, "rerun-step").set_value("2")
    await eventually(lambda: element(user, "rerun-confirm").text == "Re-run 2 of 3 steps")
    await user.should_see("it was chosen")
    user.find(marker="rerun-confirm").click()
    await user.should_see("queued for re-run (attempt 2, re-run 1/3, 1 step kept)")
    assert desk.platform.monitoring.details.attempts(analysis_id)[0].mode == "only"
    await eventually(lambda: desk.platform.preferences.get(desk.trader, "rerun_mode") == "only")


async def test_the_menu_remembers_the_last_mode_and_says_what_cannot_be_had(user: User, desk: Desk) -> None:
    analysis_id = failed(desk, steps=1)
    desk.platform.preferences.remember(desk.trader, "rerun_mode", "fresh")
    await user.open(f"/market_analysis/{analysis_id}")
    unfold(user)
    await user.should_see("Fresh (last used)")
    await user.should_see("No step of attempt 1 was completed, so there is nothing to keep")
    assert element(user, "rerun-resume").props["disable"] is True


async def test_the_table_opens_the_same_choice(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    desk.platform.preferences.remember(desk.trader, "rerun_mode", "resume")
    await user.open("/marketanalysis")
    user.find(marker="rerun_part").trigger("click", analysis_id)
    await user.should_see("2 of 3 steps kept, 1 done again")
    user.find(marker="rerun-confirm").click()
    await user.should_see("queued for re-run (attempt 2, re-run 1/3, 2 steps kept)")


async def test_a_plan_that_changed_meanwhile_is_told_and_the_new_one_is_shown(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    await choose(user, analysis_id, "resume")
    await user.should_see("2 of 3 steps kept, 1 done again")
    desk.platform.experts.update(
        row(desk.platform, analysis_id).expert_instance_id, by=TRADER, settings={"steps": 2, "seconds": 0}
    )
    user.find(marker="rerun-confirm").click()
    await user.should_see(f"What a re-run of analysis {analysis_id} would do has changed")
    assert row(desk.platform, analysis_id).attempt == 1
    await user.should_see("its settings were others in attempt 1")
    user.find(marker="rerun-confirm").click()
    await user.should_see(f"Analysis {analysis_id} queued for re-run (attempt 2, re-run 1/3")


@pytest.mark.parametrize(
    ("asks", "question"), [("rerun_part", "Everything is done again"), ("delete", "Its outputs, recommendation")]
)
async def test_leaving_the_page_while_it_asks_changes_nothing(
    user: User, desk: Desk, caplog: pytest.LogCaptureFixture, asks: str, question: str
) -> None:
    analysis_id = failed(desk)
    await user.open("/marketanalysis")
    user.find(marker=asks).trigger("click", analysis_id)
    await user.should_see(question)
    assert user.client is not None
    (asking,) = (task for task in asyncio.all_tasks() if "await_in_context" in repr(task.get_coro()))
    user.client.delete()
    await asyncio.wait_for(asking, EVENT_SECONDS)
    assert row(desk.platform, analysis_id).status is Status.FAILED
    assert [said.message for said in caplog.records if said.name == "nicegui"] == []
