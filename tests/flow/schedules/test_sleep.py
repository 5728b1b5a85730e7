"""A machine that slept: it is said once, nothing that is well is started again, and no alert stays."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.notifications.stuck_queue_alerts import CHECK_SECONDS, WaitingAlerts
from ba2_trade_platform.core.observability.loop_lag import LoopLag
from ba2_trade_platform.core.observability.standstill import Standstill
from ba2_trade_platform.core.operations import health_checks
from ba2_trade_platform.core.operations.health_report import State
from ba2_trade_platform.core.schedules.scheduler import LOOK_SECONDS, Watchdog
from tests.fakes.clock import MovingClock, Watch
from tests.patience import EVENT_SECONDS
from tests.platforms import make_platform, running
from tests.sql import ask, one
from tests.stepped import make_desk

NIGHT = 8 * 3_600


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def platform(tmp_path: Path, clock: MovingClock) -> Iterator[Platform]:
    """A console that works, by a clock that the test moves."""
    with running(make_platform(tmp_path, clock=clock)) as platform:
        yield platform


def sleep(watchdog: Watchdog, platform: Platform, clock: MovingClock, watch: Watch, seconds: float) -> bool:
    """Let both clocks go on while no thread does, and look as the watchdog does when it wakes."""
    silent = platform.schedules.scheduler
    silent.beat_at -= seconds
    silent.worked_at -= seconds
    clock.advance(seconds)
    watch.seconds += seconds
    return watchdog.look()


def watchdog_of(platform: Platform, watch: Watch) -> Watchdog:
    jobs = platform.operations.background_jobs
    watchdog = Watchdog(platform.store, jobs, platform.schedules.scheduler, steady=watch)
    watchdog.look()
    return watchdog


@pytest.mark.parametrize("seconds", [150.0, NIGHT, 5 * 86_400])
def test_a_sleep_is_said_once_and_winds_up_nothing(
    platform: Platform, clock: MovingClock, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    watch, jobs = Watch(), platform.operations.background_jobs
    watchdog = watchdog_of(platform, watch)
    apscheduler = jobs._scheduler  # noqa: SLF001 - that it is the same one is what is promised
    caplog.set_level("INFO")
    assert not sleep(watchdog, platform, clock, watch, seconds + LOOK_SECONDS)
    assert jobs._scheduler is apscheduler  # noqa: SLF001
    file = platform.settings.data_dir / "ba2.db"
    assert one(file, "SELECT COUNT(*) FROM alert") == 0
    ((before, after),) = ask(file, "SELECT before, after FROM activity_log WHERE what = 'sleep'")
    assert (before, after) == tuple(
        instant.isoformat(sep=" ", timespec="seconds")
        for instant in (clock.now() - timedelta(seconds=seconds), clock.now())
    )
    for _ in range(3):
        clock.advance(LOOK_SECONDS)
        watch.seconds += LOOK_SECONDS
        assert not watchdog.look()
    assert caplog.text.count("The machine slept") == 1


def test_a_busy_machine_has_not_slept(platform: Platform, clock: MovingClock) -> None:
    watch = Watch()
    watchdog = watchdog_of(platform, watch)
    sleep(watchdog, platform, clock, watch, LOOK_SECONDS + 20)
    assert (watchdog.slept, one(platform.settings.data_dir / "ba2.db", "SELECT COUNT(*) FROM alert")) == (None, 0)


def test_a_stop_of_almost_a_minute_starts_nothing_again(platform: Platform, clock: MovingClock) -> None:
    watch = Watch()
    watchdog = watchdog_of(platform, watch)
    platform.schedules.scheduler.beat_at -= 14  # it had just been about to beat
    assert not sleep(watchdog, platform, clock, watch, LOOK_SECONDS + 50)


def test_a_scheduler_that_stands_still_while_the_machine_is_awake_is_started_again(
    platform: Platform, clock: MovingClock
) -> None:
    watch = Watch()
    watchdog = watchdog_of(platform, watch)
    platform.schedules.scheduler.beat_at -= 70
    clock.advance(LOOK_SECONDS)
    watch.seconds += LOOK_SECONDS
    assert watchdog.look()


def test_a_scheduler_that_died_in_the_sleep_is_started_again(platform: Platform, clock: MovingClock) -> None:
    watch = Watch()
    watchdog = watchdog_of(platform, watch)
    platform.operations.background_jobs.stop()
    assert sleep(watchdog, platform, clock, watch, NIGHT)
    assert watchdog.slept is not None


def test_a_clock_that_is_set_forward_is_no_sleep(platform: Platform, clock: MovingClock) -> None:
    watch = Watch()
    watchdog = watchdog_of(platform, watch)
    clock.advance(NIGHT)
    watch.seconds += LOOK_SECONDS
    assert not watchdog.look()
    assert watchdog.slept is None


def test_health_says_when_it_slept_and_that_is_no_fault(platform: Platform, clock: MovingClock) -> None:
    watch = Watch()
    watchdog = watchdog_of(platform, watch)
    sleep(watchdog, platform, clock, watch, NIGHT + LOOK_SECONDS)
    item = health_checks.sleep(watchdog.slept, ZoneInfo("Europe/Berlin"))
    assert (item.state, item.value) == (State.OK, "8 h 0 min")
    assert "slept, or this process was stopped, from 2026-03-02 10:00:10 to 2026-03-02 18:00:10" in item.sentence
    assert health_checks.sleep(None, ZoneInfo("UTC")).value == "none"


def test_loops_are_not_blamed_for_a_sleep(platform: Platform, clock: MovingClock) -> None:
    watch, told = Watch(), []
    watchdog = watchdog_of(platform, watch)
    watchdog.on_wake(lambda: told.append("woke"))
    sleep(watchdog, platform, clock, watch, NIGHT)
    assert told == ["woke"]


@pytest.mark.parametrize(("minutes", "stands"), [(59, False), (61, True)])
def test_what_waited_while_the_machine_slept_has_not_waited(tmp_path: Path, minutes: int, stands: bool) -> None:
    desk, watch = make_desk(tmp_path, slots=2), Watch()
    waiting = WaitingAlerts(desk.store, 60, ZoneInfo("UTC"), watch)

    def pass_by(seconds: float, *, awake: bool = True) -> None:
        for _ in range(round(seconds / CHECK_SECONDS) if awake else 1):
            step = CHECK_SECONDS if awake else seconds + CHECK_SECONDS
            desk.clock.advance(step)
            watch.seconds += step
            waiting.check()

    waiting.check()
    desk.submit(desk.expert())
    pass_by(20 * 60)
    pass_by(NIGHT, awake=False)
    pass_by(20 * 60)
    pass_by(NIGHT, awake=False)
    pass_by((minutes - 42) * 60)  # each sleep came with a minute that was awake
    assert bool(one(desk.file, "SELECT COUNT(*) FROM alert")) is stands
    desk.close()


def test_a_look_is_late_by_what_is_beyond_its_interval() -> None:
    watch = Watch()
    standstill = Standstill(10, watch)
    assert standstill.late() == timedelta(0)
    for passed, late in ((10, 0), (14, 0), (16, 6), (160, 150), (10, 0), (-50, 0)):
        watch.seconds += passed
        assert standstill.late() == timedelta(seconds=late)


def test_jobs_are_started_again_and_again_without_a_thread_dying(caplog: pytest.LogCaptureFixture) -> None:
    jobs, called = BackgroundJobs(), threading.Event()
    jobs.every(0.001, "quick", lambda: None, first_seconds=0)
    for _ in range(30):
        jobs.start()
    jobs.every(0.001, "last", called.set, first_seconds=0)
    assert called.wait(EVENT_SECONDS)
    jobs.stop()
    assert "Exception" not in caplog.text


async def test_a_loop_that_slept_with_the_machine_is_not_called_late() -> None:
    lag = LoopLag()
    sampling = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(1)  # noqa: ASYNC251 - as everything does while the machine sleeps
    assert lag.reading.max_ms > 500
    lag.forget()
    await asyncio.sleep(0.3)
    assert lag.reading.max_ms < 500
    sampling.cancel()
