"""The Retries page: with two attempts side by side and the timeline, as a simulated user sees them."""

from __future__ import annotations

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.monitoring.retry_statistics import Span
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.retries import view
from ba2_trade_platform.ui.retries.view import Choice
from tests.platforms import TRADER, drain, practice, submit


def failed_and_rerun(desk: Desk) -> int:
    """Return an analysis that failed once, was re-run and completed."""
    instance = practice(desk.platform, "Expired key", fail_with="AUTH", fail_times=1)
    analysis_id = submit(desk.platform, instance)
    drain(desk.platform)
    desk.platform.analyses.rerun(analysis_id, by=TRADER, reason="new key")
    drain(desk.platform)
    return analysis_id


async def test_an_empty_desk_says_what_to_do(user: User, desk: Desk) -> None:
    await user.open("/retries")
    await user.should_see("Nothing ended in the last 24 hours")
    await user.should_see("Manual Analysis")
    await user.should_see("Archives stay in the database for ever; set BA2_ARCHIVE_DAYS")


async def test_the_numbers_lead_to_what_they_count(user: User, desk: Desk) -> None:
    failed_and_rerun(desk)
    await user.open("/retries?window=7d")
    await user.should_see("100 %")
    await user.should_see("1 completed, 0 failed again")
    await user.should_see("of 2 that ended")
    links = {link.props["href"] for link in user.find(ui.link).elements}
    assert {"/marketanalysis?rerun=1", "/marketanalysis?status=failed", "/retries?window=30d"} <= links
    assert any(url.startswith("/marketanalysis?status=failed&fingerprint=") for url in links)
    assert "/marketanalysis?status=failed&expert=1" in links


async def test_an_error_not_worth_retrying_is_stopped_with_one_button(user: User, desk: Desk) -> None:
    platform = desk.platform
    instance = practice(platform, "Down", fail_with="TIMEOUT", fail_times=-1)
    platform.experts.update(instance, by=TRADER, max_retries=5, retry_base_seconds=0, retry_cap_seconds=0)
    analysis_id = submit(platform, instance)
    drain(platform)
    fingerprint = platform.monitoring.details.row(analysis_id).fingerprint
    await user.open("/retries")
    await user.should_see("Stop auto-retrying this: 0 of 5 retries of TIMEOUT completed")
    user.find(marker=f"stop-{fingerprint}").click()
    await user.should_see("TIMEOUT is held to be permanent and not retried")
    await user.should_not_see("Stop auto-retrying this")
    assert [override.fingerprint for override in platform.monitoring.outlook.overrides()] == [fingerprint]


async def test_a_window_without_failures_draws_no_bars(user: User, desk: Desk) -> None:
    submit(desk.platform, practice(desk.platform, "Good"))
    drain(desk.platform)
    await user.open("/retries")
    await user.should_see("No attempt failed.")
    await user.should_not_see(ui.echart, retries=1)


async def test_two_attempts_are_compared_on_the_detail_page(user: User, desk: Desk) -> None:
    analysis_id = failed_and_rerun(desk)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("Compare attempts")
    user.find(marker="compare").click()
    await user.should_see("error code")
    await user.should_see("removed")
    await user.should_see("equal: mode, provider, as of, version, prices")


async def test_one_attempt_alone_has_nothing_to_be_compared_with(user: User, desk: Desk) -> None:
    analysis_id = submit(desk.platform, practice(desk.platform))
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("Timeline")
    (panel,) = [one for one in user.find(ui.element).elements if one.props.get("aria-label") == "Compare attempts"]
    assert "ba2-gone" in panel.classes


async def test_the_timeline_and_the_badge_tell_of_reruns_and_changed_settings(user: User, desk: Desk) -> None:
    analysis_id = failed_and_rerun(desk)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("attempt 2: re-run by trader (new key)")
    await user.should_not_see("settings changed since attempt 1", retries=1)
    instance = desk.platform.experts.list()[0].id
    other = submit(desk.platform, instance, "KO")
    drain(desk.platform)
    desk.platform.experts.update(instance, by=TRADER, settings={"seconds": 0, "steps": 1})
    if desk.platform.monitoring.details.row(other).status == "failed":
        desk.platform.analyses.rerun(other, by=TRADER)
        drain(desk.platform)
    await user.open(f"/market_analysis/{other}")
    await user.should_see("settings changed since attempt 1")


def test_what_an_address_asks_for_is_taken_where_it_makes_sense() -> None:
    assert Choice.of({"window": "7d", "expert": "3"}) == Choice("7d", 3)
    assert Choice.of({"window": "1y", "expert": "x"}) == Choice()
    assert Choice("7d", 3).url(window="24h") == "/retries?window=24h&expert=3"
    assert Choice("7d", 3).url(expert=None) == "/retries?window=7d"


def test_spans_are_told_with_their_spread() -> None:
    assert view.spread(Span(41, 90, 400), "re-runs") == "median of 41 re-runs; 19 of 20 within 6:40"
    assert view.spread(Span(0, None, None), "re-runs") == "no re-runs in this window"
    assert view.seconds(3 * 86_400) == "3.0 d"
