"""The detail page: one analysis in depth, as a simulated user sees it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

from ba2_trade_platform.ui.analysis.price_chart import label_shifts, nice_bounds
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.markdown import FOLD_AT, MARKDOWN_UP_TO, SENT_UP_TO, Prose, markdown_html
from ba2_trade_platform.ui.routes import register_pages
from ba2_trade_platform.vocabulary import Status
from tests.platforms import TRADER, drain, make_platform, practice, row, running, submit, wait_until
from tests.ui.elements import fold, unfold


def failed(desk: Desk, **settings: Any) -> int:
    """Return an analysis that failed."""
    expert = practice(desk.platform, **{"fail_with": "RATE_LIMIT", "fail_times": 1, **settings})
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    return analysis_id


async def test_a_failure_is_told_in_plain_words_with_its_code_and_its_traceback(user: User, desk: Desk) -> None:
    analysis_id = failed(desk, fail_with="BUG")
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("The expert has a fault. Copy the traceback into a report")
    await user.should_see("BUG")
    await user.should_see("Unknown: read it and decide")
    await user.should_see(row(desk.platform, analysis_id).error_message)
    await user.should_not_see("most recent call last", retries=1)
    unfold(user, "failure-traceback")
    await user.should_see("most recent call last")
    await user.should_see("Equal failures")


async def test_the_rerun_button_takes_the_analysis_to_completed(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    await user.open(f"/market_analysis/{analysis_id}")
    (button,) = user.find(marker="re-run").elements
    assert button.props["icon"] == "refresh"
    assert button.props["aria-label"] == "Re-run Failed Analysis"
    user.find(marker="re-run").click()
    await user.should_see("queued for re-run (attempt 2, re-run 1/3)")
    await user.should_see("re-run 1/3, attempt 2")
    await user.should_see("re-run by trader")
    await user.should_see("first run by trader")
    await user.should_not_see(marker="re-run")
    await user.should_see("current")


async def test_a_late_click_is_told_why_and_the_page_shows_the_present(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    desk.platform.queue.pause(by=TRADER)
    await user.open(f"/market_analysis/{analysis_id}")
    desk.platform.analyses.rerun(analysis_id, by=TRADER)
    user.find(marker="re-run").click()
    await user.should_see("Already queued 0 s ago by trader")
    await user.should_not_see(marker="re-run")
    assert len(desk.platform.monitoring.details.attempts(analysis_id)) == 2


async def test_what_an_earlier_attempt_wrote_can_be_opened(user: User, desk: Desk) -> None:
    analysis_id = failed(desk, outputs=2, recommend_before_failing=True)
    desk.platform.analyses.rerun(analysis_id, by=TRADER, reason="the provider is back")
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    unfold(user, "attempt-2")
    await user.should_see("the provider is back")
    unfold(user, "attempt-1")
    await user.should_see("It recommended")
    unfold(user, "attempt-1-output-0")
    await user.should_see("in attempt 1.")


async def test_a_recommendation_is_shown_with_its_levels_in_the_chart(user: User, desk: Desk) -> None:
    analysis_id = submit(desk.platform, practice(desk.platform, action="BUY", confidence=73))
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("73.0 %")
    await user.should_see("117.0017 USD")
    await user.should_see(ui.echart)
    (chart,) = user.find(ui.echart).elements
    assert "Target 117.00" in chart.props["aria-label"]
    series = chart.options["series"][0]
    assert len(series["data"]) == 120
    assert [line["label"]["formatter"] for line in series["markLine"]["data"]] == [
        "Target 117.00", "BUY 110.38", "Stop 107.07",
    ]  # fmt: skip


async def test_a_symbol_without_prices_is_a_quiet_sentence(user: User, desk: Desk) -> None:
    analysis_id = submit(desk.platform, practice(desk.platform), "ZZZZ")
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("No chart: Unknown symbol ZZZZ")
    await user.should_see("The price provider does not know this symbol")


@pytest.mark.parametrize("address", ["12345", "abc", "9" * 40, "-1", "1e3", "²"])
async def test_an_unknown_analysis_is_a_page_with_a_way_back(user: User, desk: Desk, address: str) -> None:
    await user.open(f"/market_analysis/{address}")
    await user.should_see("Analysis not found")
    await user.should_see("Back to Job Monitoring")


async def test_an_analysis_that_is_deleted_elsewhere_says_so(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    await user.open(f"/market_analysis/{analysis_id}")
    desk.platform.analyses.delete(analysis_id, by=TRADER)
    await user.should_see(f"Analysis {analysis_id} was deleted.")
    await user.should_see("Back to Job Monitoring")


async def test_delete_asks_first(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    await user.open(f"/market_analysis/{analysis_id}")
    user.find(marker="delete").click()
    await user.should_see(f"Delete analysis {analysis_id}?")
    user.find("Keep it").click()
    await user.should_not_see(f"Delete analysis {analysis_id}?")
    assert row(desk.platform, analysis_id).status is Status.FAILED
    user.find(marker="delete").click()
    await user.should_see("Keep it")
    newest = max(user.find(kind=ui.button, content="Delete").elements, key=lambda button: button.id)
    UserInteraction(user, {newest}, None).click()
    await user.should_see(f"Analysis {analysis_id} deleted")
    await user.should_see("Analysis not found")


async def test_cancel_stops_what_runs(user: User, desk: Desk) -> None:
    analysis_id = submit(desk.platform, practice(desk.platform, seconds=600))
    wait_until(desk.platform, lambda: row(desk.platform, analysis_id).current_step is not None, "its first step")
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("Practice step 1 of 2")
    await user.should_not_see(marker="re-run", retries=1)
    user.find(marker="cancel").click()
    await user.should_see(f"Analysis {analysis_id} cancelled")
    await user.should_see(marker="run again")


async def test_run_again_is_a_new_analysis_and_says_which(user: User, desk: Desk) -> None:
    analysis_id = submit(desk.platform, practice(desk.platform))
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    user.find(marker="run again").click()
    await user.should_see(f"analysis {analysis_id + 1}")


async def test_it_follows_whether_its_recommendation_still_counts(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("current")
    newer = submit(desk.platform, expert)
    await user.should_see("superseded by a newer analysis")
    desk.platform.analyses.delete(newer, by=TRADER)
    await user.should_not_see("superseded by a newer analysis")
    await user.should_see("current")


async def test_what_is_open_stays_as_it_is_while_the_analysis_goes_on(user: User, desk: Desk) -> None:
    analysis_id = failed(desk)
    await user.open(f"/market_analysis/{analysis_id}")
    unfold(user, "attempt-1")
    await user.should_see("Waited")
    opened = fold(user, "attempt-1")
    desk.platform.analyses.rerun(analysis_id, by=TRADER)
    await user.should_see(marker="attempt-2")
    drain(desk.platform)
    await user.should_see("re-run 1/3, attempt 2")
    assert fold(user, "attempt-1") is opened
    assert opened.value is True


async def test_a_switched_off_rerun_has_no_button(user: User, tmp_path: Path) -> None:
    platform = make_platform(tmp_path, rerun_enabled=False)
    desk = register_pages(platform)
    with running(platform):
        analysis_id = failed(desk)
        await user.open(f"/market_analysis/{analysis_id}")
        await user.should_see(marker="delete")
        await user.should_not_see(marker="re-run")


async def test_a_long_text_is_folded_and_a_very_long_one_is_cut_with_a_way_to_the_rest(user: User) -> None:
    @ui.page("/texts")
    def texts() -> None:
        Prose("start " + "word " * FOLD_AT + "end-of-text")
        Prose("x" * SENT_UP_TO + "never sent", length=4_000_000, whole_at="/all-of-it")

    await user.open("/texts")
    await user.should_not_see("end-of-text")
    user.find(f"Show all ({len('start ' + 'word ' * FOLD_AT + 'end-of-text'):,} characters)").click()
    await user.should_see("end-of-text")
    user.find("Show all (4,000,000 characters)").click()
    await user.should_see("These are the first 200,000 of 4,000,000 characters.")
    await user.should_see("All of it, as JSON")
    await user.should_not_see("never sent")


@pytest.mark.parametrize(
    "unsafe",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](data:text/html,x)",
        "[a](//elsewhere.example)",
        "[a](/\\elsewhere.example)",
        "![a](https://elsewhere.example/x.png)\n\n![b](x)",
    ],
)
def test_markdown_makes_no_tag_script_image_or_foreign_scheme(unsafe: str) -> None:
    html = markdown_html(unsafe)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'href="//' not in html
    assert "\\" not in html


def test_markdown_links_open_apart_and_tables_are_tables() -> None:
    html = markdown_html("[a](https://a.example)\n\n|x|y|\n|-|-|\n|1|2|\n\n**b**")
    assert 'rel="noopener noreferrer nofollow" target="_blank"' in html
    assert "<td>1</td>" in html
    assert "<strong>b</strong>" in html


@pytest.mark.parametrize("hostile", ["> " * 5_000, "- " * 5_000, "[" * MARKDOWN_UP_TO, "![" * 5_000, "*a_b " * 3_000])
def test_hostile_markdown_neither_fails_nor_is_swallowed(hostile: str) -> None:
    assert markdown_html(hostile + "the end")


@pytest.mark.parametrize(("low", "high"), [(97.3, 131.2), (0.0004, 0.0009), (5.0, 5.0), (90_000.0, 350_000.0)])
def test_chart_bounds_are_round_and_hold_everything(low: float, high: float) -> None:
    bottom, top, step = nice_bounds(low, high)
    assert bottom <= low <= high <= top
    lines = (top - bottom) / step
    assert lines == pytest.approx(round(lines), abs=1e-6)
    assert 1 <= round(lines) <= 9


def test_labels_of_close_prices_do_not_cover_each_other() -> None:
    prices = [100.0, 99.9, 80.0]
    shifts = label_shifts(prices, pixels_per_unit=2)
    places = sorted(shift - price * 2 for price, shift in zip(prices, shifts, strict=True))
    assert shifts[0] == 0
    assert shifts[2] == 0
    assert all(after - before >= 14.9 for before, after in pairwise(places))
