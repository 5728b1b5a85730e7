"""The Schedules page: making, running, missing, acknowledging, as a simulated user does it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from nicegui import ui
from nicegui.testing import User
from sqlalchemy import insert

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import RunState, RunTrigger, ScheduleClock
from tests.eventually import eventually
from tests.platforms import TRADER, drain, practice

WEEKDAYS = {"kind": "times", "days": [0, 1, 2, 3, 4], "times": ["09:30"]}


def make(desk: Desk, name: str = "Morning", **more: Any) -> ScheduleInfo:
    """Make a schedule of one symbol."""
    platform = desk.platform
    expert = more.pop("expert", None) or practice(platform, alias=f"Expert of {name}")
    given = {"timing": WEEKDAYS, "zone": "Europe/Berlin", "symbols": ("AAPL",), **more}
    return platform.schedules.service.create(Draft(name=name, expert_instance_id=expert, **given), by=TRADER)


def miss(desk: Desk, schedule: ScheduleInfo, reason: str = "The console was down from 09:12 to 10:47") -> int:
    """Plant a missed run of yesterday, as an outage leaves it."""
    planned = datetime.now(UTC) - timedelta(days=1)
    with desk.platform.store.write() as transaction:
        run = insert(t.schedule_run).values(
            schedule_id=schedule.id, planned_at=planned, trigger=RunTrigger.PLANNED, state=RunState.MISSED,
            reason=reason, actor_id=1, created_at=planned,
        )  # fmt: skip
        run_id = transaction.session.scalar(run.returning(t.schedule_run.c.id))
        transaction.touch(Topic.SCHEDULES)
    return int(run_id or 0)


async def test_an_empty_page_explains_and_the_editor_names_what_is_missing(user: User, desk: Desk) -> None:
    practice(desk.platform)
    await user.open("/schedules")
    await user.should_see("No schedules yet")
    user.find(marker="new-schedule").click()
    await user.should_see("Give it a name")
    await user.should_see("Choose symbols or a watchlist")
    assert len(user.find(marker="next-time").elements) == 5
    assert not user.find(marker="save-schedule").elements.pop().enabled


async def test_a_schedule_is_written_down_and_saved(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    await user.open("/schedules")
    await user.should_see(marker="new-schedule")
    user.find(marker="new-schedule").click()
    await user.should_see(marker="schedule-name")
    user.find(marker="schedule-name").type("Opening bell")
    user.find(marker="schedule-symbols").type("AAPL, MSFT")
    user.find(marker="schedule-expert").elements.pop().set_value(expert)
    await eventually(lambda: user.find(marker="save-schedule").elements.pop().enabled)
    user.find(marker="save-schedule").click()
    await user.should_see("Opening bell saved")
    (schedule,) = desk.platform.schedules.service.list()
    assert (schedule.name, schedule.symbols, schedule.enabled) == ("Opening bell", ("AAPL", "MSFT"), True)


async def test_somebody_else_s_change_is_said_and_not_written_over(user: User, desk: Desk) -> None:
    schedule = make(desk)
    await user.open("/schedules")
    await user.should_see(marker=f"change-{schedule.id}")
    user.find(marker=f"change-{schedule.id}").click()
    await user.should_see(marker="schedule-name")
    desk.platform.schedules.service.disable(schedule.id, by=TRADER)
    await eventually(lambda: user.find(marker="save-schedule").elements.pop().enabled)
    user.find(marker="save-schedule").click()
    await user.should_see("Morning was changed meanwhile")


async def test_run_now_shows_the_run_and_leads_to_it(user: User, desk: Desk) -> None:
    schedule = make(desk)
    await user.open("/schedules")
    await user.should_see(marker=f"run-now-{schedule.id}")
    user.find(marker=f"run-now-{schedule.id}").click()
    await user.should_see("Morning runs now (run 1)")
    drain(desk.platform)
    await user.should_see(marker=f"last-run-{schedule.id}")
    await user.open("/runs/1")
    await user.should_see("Run now")
    await user.should_see("done")
    links = {link.props["href"] for link in user.find(ui.link).elements}
    batch = desk.platform.schedules.runs.get(1).batch_id
    assert f"/marketanalysis?bulk={batch}&outcome=succeeded" in links


async def test_switch_duplicate_and_archive(user: User, desk: Desk) -> None:
    schedule = make(desk)
    await user.open("/schedules")
    await user.should_see(marker=f"enabled-{schedule.id}")
    user.find(marker=f"enabled-{schedule.id}").click()
    await user.should_see("none: it is switched off")
    user.find(marker=f"duplicate-{schedule.id}").click()
    await user.should_see("Morning (2)")
    user.find(marker=f"archive-{schedule.id}").click()
    await user.should_see("Archive Morning?")
    user.find("Archive it").click()
    await eventually(lambda: [each.name for each in desk.platform.schedules.service.list()] == ["Morning (2)"])


async def test_a_missed_run_stands_on_every_page_until_it_is_acknowledged(user: User, desk: Desk) -> None:
    run_id = miss(desk, make(desk))
    await user.open("/retries")
    await user.should_see("1 run of a schedule needs a look")
    await user.open("/schedules?tab=runs&unseen=1")
    await user.should_see("The console was down from 09:12 to 10:47")
    user.find(marker=f"acknowledge-run-{run_id}").click()
    await user.should_see("Acknowledge?")
    user.find(marker="reason").type("power cut")
    user.find(marker="confirm-reason").click()
    await user.should_see("Nothing left to look at")
    assert desk.platform.schedules.runs.get(run_id).acknowledge_reason == "power cut"
    await user.open(f"/runs/{run_id}")
    await user.should_see("trader: power cut")


async def test_all_bad_runs_of_a_view_are_acknowledged_at_once(user: User, desk: Desk) -> None:
    for name in ("Morning", "Evening"):
        miss(desk, make(desk, name))
    await user.open("/schedules?tab=runs&state=missed")
    await user.should_see(marker="acknowledge-runs")
    user.find(marker="acknowledge-runs").click()
    await user.should_see("2 runs: no longer counted as unseen; the row stays.")
    user.find(marker="confirm-reason").click()
    await user.should_see("2 runs acknowledged")
    assert desk.platform.schedules.runs.unacknowledged() == 0


async def test_the_week_names_days_without_a_session_and_links_its_neighbours(user: User, desk: Desk) -> None:
    make(desk, calendar="XNYS")
    await user.open("/schedules?tab=week&week=2026-12-25")
    await user.should_see("XNYS closed: no session")
    links = {link.props["href"] for link in user.find(ui.link).elements}
    assert {"/schedules?tab=week&week=2026-12-14", "/schedules?tab=week&week=2026-12-28"} <= links
    await user.open("/schedules?tab=week&week=rubbish")
    await user.should_see("today")


async def test_the_week_tells_half_days_and_what_only_a_replay_plays(user: User, desk: Desk) -> None:
    bell = {"kind": "session", "offsets": [{"anchor": "close", "minutes": -10}]}
    make(desk, timing=bell, calendar="XNYS", starts_on=date(2040, 11, 19))
    make(desk, "Rehearsal", clock=ScheduleClock.REPLAY)
    await user.open("/schedules?tab=week&week=2040-11-23")
    await user.should_see("half day: XNYS closes")
    await user.should_see("by the replay, when it is played")
    assert len(user.find("planned").elements) == 4


async def test_the_daily_summary_counts_and_its_time_is_set(user: User, desk: Desk) -> None:
    miss(desk, make(desk))
    await user.open("/schedules")
    await user.should_see("Yesterday, ")
    links = {link.props["href"] for link in user.find(ui.link).elements}
    assert any(link.endswith("&state=missed") for link in links)
    user.find(marker="summary-time").elements.pop().set_value("17:30")
    await user.should_see("The daily summary is sent at 17:30")
    assert desk.platform.schedules.daily_summary.time() == "17:30"


async def test_what_is_not_there_is_said(user: User, desk: Desk) -> None:
    assert desk
    await user.open("/runs/77")
    await user.should_see("There is no run 77")
    await user.open("/schedules?tab=runs&schedule=5&day=2026-02-30&state=odd")
    await user.should_see("No runs like these")
    await user.open("/schedules?tab=week")
    await user.should_see("Nothing is planned")


async def test_a_schedule_whose_calendar_ends_says_so(user: User, desk: Desk) -> None:
    session = {"kind": "session", "offsets": [{"anchor": "open", "minutes": 15}]}
    schedule = make(desk, "Mumbai", timing=session, zone="Asia/Kolkata", calendar="XBOM")
    make(desk, "New York", calendar="XNYS")
    await user.open("/schedules")
    await user.should_see(marker=f"ends-{schedule.id}")
    await user.should_see("the XBOM calendar ends")
    await user.should_not_see("the XNYS calendar ends")
    await user.should_not_see("none: it has ended")
    user.find(marker=f"change-{schedule.id}").click()
    await user.should_see("The XBOM calendar ends on 2026-12-31")
    await user.should_not_see("It never comes again")
