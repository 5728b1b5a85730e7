"""Schedule services: builds schedules, their runs and the scheduler that fires them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ba2_trade_platform.app.demo import walking_clock
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.app_settings import DeskSettings
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.clocks import SchedulingClock
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.notifications.stuck_queue_alerts import CHECK_SECONDS
from ba2_trade_platform.core.recurrence.occurrences import EarlyCloses
from ba2_trade_platform.core.schedules.daily_summary import DailySummary
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.runs import ScheduleRuns
from ba2_trade_platform.core.schedules.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.core.schedules.uptime import Uptime
from ba2_trade_platform.demo.replay import FIRST
from ba2_trade_platform.demo.replay_clock import ReplayClock
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ScheduleClock


@dataclass(frozen=True)
class Scheduling:
    """Schedules, their runs, and who wakes up for them."""

    service: Schedules
    runs: ScheduleRuns
    run_starter: RunStarter
    uptime: Uptime
    scheduler: Scheduler
    watchdog: Watchdog
    early_closes: EarlyCloses
    daily_summary: DailySummary
    clocks: Mapping[ScheduleClock, SchedulingClock]

    def stop(self) -> None:
        """Begin no run any more."""
        self.watchdog.stop()
        with suppress(Unavailable):  # the next start takes this console for one that was killed when last seen
            self.scheduler.stop()


def open_scheduling(
    settings: Settings,
    store: Store,
    queue: WorkerQueue,
    market: Prices,
    jobs: BackgroundJobs,
    version: str,
    clock: SchedulingClock,
) -> Scheduling:
    """Put the services together; nothing is started or asked yet."""
    calendars = ExchangeCalendars()
    clocks: dict[ScheduleClock, SchedulingClock] = {
        ScheduleClock.REAL: clock,
        ScheduleClock.REPLAY: walking_clock(market) or ReplayClock(FIRST),  # of other prices no replayed time comes
    }
    run_starter, uptime = RunStarter(store, queue, calendars, clocks, market.clock), Uptime(store, version)
    scheduler = Scheduler(store, jobs, run_starter, uptime, clocks)
    runs = ScheduleRuns(store, calendars, clocks, settings.zone)
    summary = DailySummary(store, runs, DeskSettings(store), settings.zone)
    jobs.every(CHECK_SECONDS, "daily summary", summary.tell_when_due)
    return Scheduling(
        service=Schedules(store, calendars, clocks, run_starter, scheduler.arm),
        runs=runs,
        run_starter=run_starter,
        uptime=uptime,
        scheduler=scheduler,
        watchdog=Watchdog(store, jobs, scheduler),
        early_closes=EarlyCloses(calendars),
        daily_summary=summary,
        clocks=clocks,
    )
