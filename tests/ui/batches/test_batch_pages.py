"""The batch pages: with the dialog before a batch, as a simulated user sees them."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import BatchState
from tests.platforms import TRADER, drain, practice


def submitted(desk: Desk, *symbols: str, paused: bool = False, **settings: Any) -> int:
    """Submit a batch, the queue paused before it when asked; return its id."""
    if paused:
        desk.platform.queue.pause(by=TRADER)
    expert = practice(desk.platform, **settings)
    return desk.platform.batches.submit(BatchRequest((expert,), symbols, name="Morning"), by=TRADER).id


async def test_the_empty_list_says_what_to_do_and_an_unknown_number_says_so(user: User, desk: Desk) -> None:
    await user.open("/batches")
    await user.should_see("No batches yet")
    await user.open("/batches?state=paused")
    await user.should_see("None matches these filters.")
    await user.open("/batches/7")
    await user.should_see("Batch 7 not found.")
    await user.open("/batches/first")
    await user.should_see("Not found")


async def test_the_dialog_previews_submits_and_links_to_the_batch(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    desk.platform.queue.pause(by=TRADER)
    await user.open("/marketanalysis")
    user.find(marker="bulk-analysis").click()
    await user.should_see("Choose at least one expert.")
    user.find(marker=f"expert-{expert}").click()
    await user.should_see("Choose at least one symbol.")
    user.find(marker="analyse-symbols").type("aapl msft, A$")
    await user.should_see("2 analyses will be queued, 1 not possible")
    await user.should_see("1 not possible: A$ is no symbol")
    await user.should_see("not known yet")
    user.find(marker="analyse-name").type("Morning")
    user.find(marker="analyse-batch").click()
    await user.should_see('<a href="/batches/1">Watch it</a>')
    assert desk.platform.batches.get(1).name == "Morning"


async def test_a_batch_is_paused_resumed_and_cancelled_on_its_page(user: User, desk: Desk) -> None:
    batch_id = submitted(desk, "AAPL", "MSFT", paused=True)
    await user.open(f"/batches/{batch_id}")
    await user.should_see("Morning")
    user.find(marker="pause-batch").click()
    await user.should_see(f"Batch {batch_id} paused: what runs goes on")
    await user.should_see("paused, 2 to go")
    user.find(marker="resume-batch").click()
    await user.should_see(f"Batch {batch_id} goes on")
    user.find(marker="cancel-batch").click()
    await user.should_see(f"Cancel batch {batch_id}?")
    user.find(kind=ui.button, content="Cancel the rest").click()
    await user.should_see("Took")
    assert desk.platform.batches.get(batch_id).state is BatchState.CANCELLED
    await user.open("/batches?state=cancelled")
    await user.should_see("Morning")


async def test_what_failed_is_said_and_rerun(user: User, desk: Desk) -> None:
    batch_id = submitted(desk, "AAPL", "MSFT", fail_with="AUTH", fail_times=1)
    drain(desk.platform)
    await user.open(f"/batches/{batch_id}?outcome=failed")
    await user.should_see("What was not done, and why")
    await user.should_see("AAPL")
    user.find(marker="rerun-failed").click()
    await user.should_see("Re-run 2 analyses")
    user.find(marker="bulk-reason").type("new key")
    user.find(marker="confirm-bulk").click()
    await user.should_see("accepted: 2 analyses will run")
    await user.open(f"/batches/{batch_id}")
    await user.should_see("Re-runs of what failed")
    drain(desk.platform)
    await user.open(f"/batches/{batch_id}?outcome=skipped")
    await user.should_see("None of its items is here.")
