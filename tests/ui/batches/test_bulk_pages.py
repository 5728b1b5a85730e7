"""The pages of bulk re-runs: with the bar above the table, as a simulated user sees them."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import BatchKind, Status
from tests.platforms import TRADER, drain, practice, submit


def fail_some(desk: Desk, *symbols: str, **settings: Any) -> list[int]:
    """Have an analysis of each symbol fail; they complete when they are done again unless told otherwise."""
    expert = practice(desk.platform, **{"fail_with": "AUTH", "fail_times": 1, **settings})
    ids = [submit(desk.platform, expert, symbol) for symbol in symbols]
    drain(desk.platform)
    return ids


def rerun_all(desk: Desk, **wish: Any) -> int:
    """Re-run everything that failed; return the bulk re-run's id."""
    chosen = Selection(filter=Filter(status=(Status.FAILED,)))
    plan_hash = desk.platform.bulk_reruns.preview(chosen).plan_hash
    return desk.platform.bulk_reruns.create(chosen, reason="new key", plan_hash=plan_hash, by=TRADER, **wish).id


def pick(user: User, analysis_id: int) -> None:
    """Press a row's tick: its slot sends the row's id and whether shift was down."""
    user.find(marker="pick").trigger("click.stop", [analysis_id, False])


async def test_the_empty_list_says_what_to_do_and_an_unknown_number_says_so(user: User, desk: Desk) -> None:
    await user.open("/bulk-reruns")
    await user.should_see("None matches these filters.")
    await user.open("/bulk-reruns/7")
    await user.should_see("Batch 7 not found.")
    await user.open("/bulk-reruns/first")
    await user.should_see("Not found")


async def test_ticked_rows_are_rerun_after_the_dialog(user: User, desk: Desk) -> None:
    ids = fail_some(desk, "AAPL", "MSFT", "INTC")
    await user.open("/marketanalysis")
    pick(user, ids[0])
    pick(user, ids[2])
    await user.should_see("2 selected")
    user.find(marker="rerun-selected").click()
    await user.should_see("2 of 2")
    user.find(marker="bulk-reason").type("new key")
    await user.should_see("Re-run 2 analyses")
    user.find(marker="confirm-bulk").click()
    await user.should_see("accepted: 2 analyses will run")
    drain(desk.platform)
    (batch,) = desk.platform.batches.list(kind=BatchKind.BULK_RERUN).items
    assert batch.rerun is not None
    assert (batch.rerun.reason, batch.rerun.will_run, batch.actor) == ("new key", 2, "trader")
    assert desk.platform.monitoring.details.row(ids[1]).attempt == 1


async def test_the_page_shows_what_became_of_each_and_offers_what_failed_again(user: User, desk: Desk) -> None:
    fail_some(desk, "AAPL", "MSFT", fail_times=-1)
    bulk_id = rerun_all(desk, name="Morning")
    await user.open(f"/bulk-reruns/{bulk_id}")
    await user.should_see("failed")
    await user.should_see(marker="rerun-failed")
    await user.should_see("Morning")
    user.find(marker="rerun-failed").click()
    await user.should_see("Re-run 2 analyses")
    await user.open(f"/bulk-reruns/{bulk_id}?outcome=skipped")
    await user.should_see("None of its items is here.")
    await user.open("/bulk-reruns")
    await user.should_see("Morning")


async def test_an_abort_asks_first(user: User, desk: Desk) -> None:
    fail_some(desk, "AAPL", "MSFT")
    bulk_id = rerun_all(desk, rate_per_minute=1)
    await user.open(f"/bulk-reruns/{bulk_id}")
    await user.should_see(marker="abort-batch")
    user.find(marker="abort-batch").click()
    await user.should_see(f"Abort bulk re-run {bulk_id}?")
    user.find(kind=ui.button, content="Abort the rest").click()
    await user.should_see(f"Bulk re-run {bulk_id} aborted: 1 skipped in all")
    drain(desk.platform)
