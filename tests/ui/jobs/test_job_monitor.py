"""Job Monitoring: as a simulated user sees it; the rest needs a browser and is tested in tests/browser."""

from __future__ import annotations

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.ui.kit.desk import Desk
from tests.eventually import eventually
from tests.platforms import TRADER, drain, practice, submit
from tests.ui.elements import click_through, shown, table


def ask(user: User, analysis_id: int) -> None:
    """Press the row's re-run button: its slot sends the row's id."""
    user.find(marker="rerun").trigger("click.stop", analysis_id)


async def test_an_empty_console_says_what_to_do(user: User, desk: Desk) -> None:
    await user.open("/marketanalysis")
    await user.should_see("No experts yet")
    await user.should_see("Add an expert")
    practice(desk.platform)
    await user.open("/marketanalysis")
    await user.should_see("No analyses yet")
    await user.should_see("Choose an expert and a symbol")


async def test_the_demo_desk_can_be_loaded_and_removed_again(user: User, desk: Desk) -> None:
    await user.open("/marketanalysis")
    await user.should_see("Load the demo desk")
    await click_through(user, kind=ui.button, content="Load the demo desk")
    await user.should_see("Demo desk loaded: 19 analyses queued")
    await user.should_see("prices are the bundled market of 2004-2014")
    user.find(kind=ui.button, content="Remove demo").click()
    await user.should_see("Remove the demo desk?")
    user.find(kind=ui.button, content="Remove the demo desk").click()
    await user.should_see("Demo removed: 19 analyses deleted")
    assert desk.platform.monitoring.jobs.count() == 0


async def test_the_rerun_queues_the_failed_analysis_and_the_row_follows_it(user: User, desk: Desk) -> None:
    expert = practice(desk.platform, fail_with="RATE_LIMIT", fail_times=1)
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    await user.open("/marketanalysis")
    assert shown(user, analysis_id)["rerun"] is True
    assert shown(user, analysis_id)["failure"] == "RATE_LIMIT"
    ask(user, analysis_id)
    await user.should_see("queued for re-run (attempt 2, re-run 1/3)")
    await eventually(lambda: shown(user, analysis_id)["status"] == "completed")
    assert shown(user, analysis_id)["attempt_text"] == "re-run 1/3"


async def test_a_second_click_is_told_why(user: User, desk: Desk) -> None:
    expert = practice(desk.platform, fail_with="RATE_LIMIT", fail_times=1)
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    desk.platform.queue.pause(by=TRADER)
    await user.open("/marketanalysis")
    ask(user, analysis_id)
    ask(user, analysis_id)
    await user.should_see("Already queued 0 s ago by trader")
    assert len(desk.platform.monitoring.details.attempts(analysis_id)) == 2


async def test_a_row_that_changed_meanwhile_is_a_sentence_and_is_shown_as_it_is(user: User, desk: Desk) -> None:
    expert = practice(desk.platform, fail_with="AUTH", fail_times=1)
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    await user.open("/marketanalysis")
    desk.platform.analyses.rerun(analysis_id, by=TRADER)
    drain(desk.platform)
    ask(user, analysis_id)
    await user.should_see(f"Can only re-run failed analyses: analysis {analysis_id} is completed")
    assert shown(user, analysis_id)["status"] == "completed"


async def test_a_deleted_row_answers_not_found_and_leaves_the_table(user: User, desk: Desk) -> None:
    expert = practice(desk.platform, fail_with="AUTH", fail_times=-1)
    kept, gone = submit(desk.platform, expert), submit(desk.platform, expert, "MSFT")
    drain(desk.platform)
    await user.open("/marketanalysis")
    desk.platform.analyses.delete(gone, by=TRADER)
    ask(user, gone)
    await user.should_see("Analysis not found")
    await eventually(lambda: [line["id"] for line in table(user).rows] == [kept])


async def test_new_analyses_wait_behind_a_pill(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    first = submit(desk.platform, expert)
    drain(desk.platform)
    await user.open("/marketanalysis")
    submit(desk.platform, expert, "MSFT")
    submit(desk.platform, expert, "INTC")
    await user.should_see("2 new")
    assert [line["id"] for line in table(user).rows] == [first]
    user.find("2 new").click()
    await eventually(lambda: [line["id"] for line in table(user).rows] == [first + 2, first + 1, first])


async def test_the_address_filters_sorts_and_pages(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    failing = practice(desk.platform, "Failing desk", fail_with="AUTH", fail_times=-1)
    for symbol in ("AAPL", "MSFT", "INTC"):
        submit(desk.platform, expert, symbol)
    failed = submit(desk.platform, failing, "GPS")
    drain(desk.platform)
    await user.open("/marketanalysis?status=failed")
    assert [line["id"] for line in table(user).rows] == [failed]
    await user.open("/marketanalysis?sort=symbol&dir=asc")
    assert [line["symbol"] for line in table(user).rows] == ["AAPL", "GPS", "INTC", "MSFT"]
    await user.open("/marketanalysis?q=401")
    assert [line["id"] for line in table(user).rows] == [failed]
    await user.open("/marketanalysis?status=skipped")
    await user.should_see("No analysis matches these filters")


async def test_switched_off_reruns_are_refused_with_the_setting(user: User, desk: Desk) -> None:
    analysis_id = submit(desk.platform, practice(desk.platform, fail_with="AUTH"))
    drain(desk.platform)
    desk.platform.analyses.rerun_enabled = False
    await user.open("/marketanalysis")
    assert [line["rerun"] for line in table(user).rows] == [False]  # the orange button is not there
    ask(user, analysis_id)  # as a page that was open before
    await user.should_see("Re-runs are switched off (BA2_RERUN_ENABLED=0)")


async def test_the_strip_counts_and_pausing_says_so_everywhere(user: User, desk: Desk) -> None:
    desk.platform.queue.pause(by=TRADER, reason="lunch")
    submit(desk.platform, practice(desk.platform))
    await user.open("/marketanalysis")
    await user.should_see("The queue is paused by trader")
    await user.should_see("lunch")
    user.find(kind=ui.button, content="Resume").click()
    await eventually(lambda: not desk.platform.queue.state().paused)
    drain(desk.platform)


async def test_pages_that_are_left_leave_no_listener(user: User, desk: Desk) -> None:
    await user.open("/marketanalysis")
    before = desk.live.listeners
    assert before > 0
    user.client.delete()
    assert desk.live.listeners == 0
