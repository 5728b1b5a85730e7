"""The scheduler: it wakes in time, a watchdog winds it up again, and a stop is no outage of unknown cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.core.schedules.scheduler import Watchdog
from ba2_trade_platform.vocabulary import RunState, ScheduleClock
from tests.flow.schedules.schedule_desk import schedule_desk
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, make_platform, practice, running, wait_until
from tests.sql import ask, one

HOURLY = {"kind": "cron", "expression": "0 * * * *"}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A console that works."""
    with running(make_platform(tmp_path)) as platform:
        yield platform


def hourly(platform: Platform, name: str = "Hourly", **wanted: Any) -> ScheduleInfo:
    """Make a schedule of every full hour."""
    known = platform.experts.list()
    expert = known[0].id if known else practice(platform)
    draft = Draft(name, expert, HOURLY, "Europe/Berlin", symbols=("AAPL",))
    return platform.schedules.service.create(replace(draft, **wanted), by=TRADER)


def let_come(platform: Platform, *, ago: timedelta = timedelta(0)) -> datetime:
    """Have the last full hour be what every schedule waits for, as if it had been set up before; return that hour."""
    hour = (datetime.now(UTC) - ago).replace(minute=0, second=0, microsecond=0)
    with platform.store.write() as transaction:
        stamp = hour.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        transaction.session.connection().exec_driver_sql(
            f"UPDATE schedule SET next_at = '{stamp}', wake_at = '{stamp}'"
        )
    return hour


def test_a_due_schedule_is_run_by_the_console_itself(platform: Platform) -> None:
    schedule = hourly(platform, grace_seconds=3_600)
    hour = let_come(platform)
    platform.schedules.scheduler.arm()
    wait_until(platform, lambda: bool(platform.schedules.runs.list().items), "the run")
    wait_until(platform, lambda: platform.schedules.runs.list().items[0].state is RunState.DONE, "its end")
    (run,) = platform.schedules.runs.list().items
    assert run.planned_at == hour
    assert platform.schedules.service.get(schedule.id).next_at == hour + timedelta(hours=1)


def test_the_next_life_of_a_console_settles_what_the_last_one_missed(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as first:
        hourly(first)
        let_come(first, ago=timedelta(hours=2))
    with running(make_platform(tmp_path)) as second:
        wait_until(second, lambda: len(second.schedules.runs.list().items) == 3, "the runs")
        states = [run.state.value for run in second.schedules.runs.list().items][1:]
        assert states == ["missed", "missed"]
    lives = ask(tmp_path / "ba2.db", "SELECT stopped_at IS NOT NULL FROM presence")
    assert lives == [(1,), (1,)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its death is the test's input
@pytest.mark.parametrize("death", ["shutdown", "thread"])
def test_a_scheduler_that_died_is_started_again_and_says_so(
    platform: Platform, death: str, caplog: pytest.LogCaptureFixture
) -> None:
    watchdog = Watchdog(platform.store, platform.operations.background_jobs, platform.schedules.scheduler)
    assert not watchdog.look()
    hourly(platform, grace_seconds=3_600)
    if death == "shutdown":
        platform.operations.background_jobs.stop()
    else:
        end_thread(platform)
    let_come(platform)
    assert watchdog.look()
    assert "The scheduler stood still and was started again: its thread had ended" in caplog.text
    wait_until(platform, lambda: bool(platform.schedules.runs.list().items), "the run")
    file = platform.settings.data_dir / "ba2.db"
    assert one(file, "SELECT sentence FROM alert WHERE kind = 'scheduler'").endswith("Look whether every run was made")
    assert not watchdog.look()


def end_thread(platform: Platform) -> None:
    """End APScheduler's thread the way a crash does: with an error that nobody in it expects."""

    def crash() -> None:
        raise SystemExit

    scheduler = platform.operations.background_jobs._scheduler  # noqa: SLF001 - what dies is APScheduler's own
    thread = scheduler._thread  # noqa: SLF001
    scheduler._process_jobs = crash  # noqa: SLF001
    scheduler.wakeup()
    thread.join(EVENT_SECONDS)
    assert not thread.is_alive()


def test_a_schedule_that_cannot_be_planned_rests_and_holds_up_no_other(platform: Platform) -> None:
    broken = hourly(platform, "Broken")
    hourly(platform, "Whole", grace_seconds=3_600)
    let_come(platform)
    with platform.store.write() as transaction:
        transaction.session.connection().exec_driver_sql(
            f'UPDATE schedule SET timing = \'{{"kind": "lunar"}}\' WHERE id = {broken.id}'
        )
    platform.schedules.scheduler.arm()
    wait_until(platform, lambda: bool(platform.schedules.runs.list().items), "the run")
    assert [run.schedule for run in platform.schedules.runs.list().items] == ["Whole"]
    file = platform.settings.data_dir / "ba2.db"
    wait_until(platform, lambda: bool(one(file, "SELECT COUNT(*) FROM alert")), "the alert")
    assert one(file, "SELECT sentence FROM alert") == (
        "Schedule Broken cannot be planned and does not run: A timing's kind is times, cron or session"
    )
    assert platform.schedules.service.get(broken.id).next_at is None


def test_missed_and_partly_failed_runs_are_announced_to_whoever_waits_for_them(tmp_path: Path) -> None:
    sched = schedule_desk(tmp_path)
    with sched.desk.store.write() as transaction:
        connection = transaction.session.connection()
        connection.exec_driver_sql(
            "INSERT INTO notification_channel (id, name, enabled, url, hint, zone, created_at, updated_at, version)"
            " VALUES (1, 'mail', 1, x'00', 'mail', 'UTC', '2026-03-01', '2026-03-01', 1)"
        )
        for event in ("run_missed", "run_partly_failed"):
            connection.exec_driver_sql(
                "INSERT INTO notification_rule (channel_id, event, enabled, urgent, group_seconds, created_at, version)"
                f" VALUES (1, '{event}', 1, 0, 60, '2026-03-01', 1)"
            )
    sched.schedule()
    sched.at(15, 45)
    sched.come_to_it()
    sched.finish(AAPL=True)
    notices = ask(sched.desk.file, "SELECT event, subject FROM notice ORDER BY id")
    assert notices == [("run_missed", "schedule 1"), ("run_partly_failed", "schedule 1")]
    sched.fire(ScheduleClock.REPLAY)
