"""Held providers: with the retries that wait for them, as a simulated user sees them."""

from __future__ import annotations

from nicegui.testing import User

from ba2_trade_platform.ui.kit.desk import Desk
from tests.platforms import practice, row, submit, wait_until


async def test_a_provider_is_held_back_and_let_go_with_reasons(user: User, desk: Desk) -> None:
    await user.open("/providers")
    await user.should_see("No provider is held back")
    user.find(marker="provider").type("openai")
    user.find(marker="hold-back").click()
    await user.should_see("Say why")
    user.find(marker="reason").type("they announced maintenance")
    user.find(marker="hold-back").click()
    await user.should_see("trader: they announced maintenance")
    await user.should_see("openai is held back (they announced maintenance): 0 retries wait.")
    user.find(marker="let-go-openai").click()
    await user.should_see("Let openai go?")
    user.find(marker="close-reason").type("maintenance is over")
    user.find(marker="confirm-close").click()
    await user.should_see("maintenance is over")
    await user.should_see("No provider is held back")


async def test_a_retry_says_which_it_is_and_can_be_stopped(user: User, desk: Desk) -> None:
    platform = desk.platform
    instance = practice(
        platform, fail_with="CONNECTION", max_retries=2, retry_base_seconds=7200, retry_cap_seconds=7200
    )
    analysis_id = submit(platform, instance)
    wait_until(platform, lambda: row(platform, analysis_id).retrying, "the retry")
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("retry 1/2")
    user.find(marker="stop retrying").click()
    await user.should_see("is not retried any more; it stands failed (CONNECTION)")
    await user.should_not_see(marker="stop retrying")
