"""Schedule services: builds schedules, their runs and the scheduler that fires them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

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
from ba2_trade_platform.core.schedules.calendar_watch import CHECK_SECONDS as CALENDAR_SECONDS
from ba2_trade_platform.core.schedules.calendar_watch import CalendarWatch
from ba2_trade_platform.core.schedules.daily_summary import DailySummary
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.runs import ScheduleRuns
from ba2_trade_platform.core.schedules.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.core.schedules.uptime import Uptime
from ba2_trade_platform.demo.replay import FIRST
from ba2_trade_platform.demo.replay_clock import ReplayClock
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ScheduleClock


class Scheduling:
    """Schedules, their runs, and who wakes up for them; nothing is started or asked yet."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        queue: WorkerQueue,
        market: Prices,
        jobs: BackgroundJobs,
        version: str,
        clock: SchedulingClock,
        own_days: DeskCalendars,
    ) -> None:
        calendars = ExchangeCalendars(own_days)
        self.clocks: Mapping[ScheduleClock, SchedulingClock] = {
            ScheduleClock.REAL: clock,
            # Of other prices no replayed time comes.
            ScheduleClock.REPLAY: walking_clock(market) or ReplayClock(FIRST),
        }
        self.run_starter = RunStarter(store, queue, calendars, self.clocks, market.clock)
        self.uptime = Uptime(store, version)
        self.scheduler = Scheduler(store, jobs, self.run_starter, self.uptime, self.clocks)
        self.watchdog = Watchdog(store, jobs, self.scheduler)
        self.service = Schedules(store, calendars, self.clocks, self.run_starter, self.scheduler.arm)
        self.runs = ScheduleRuns(store, calendars, self.clocks, settings.zone)
        self.calendar_watch = CalendarWatch(
            store, calendars, own_days, self.run_starter, self.clocks[ScheduleClock.REAL], self.scheduler.arm
        )
        jobs.every(CALENDAR_SECONDS, "calendars", self.calendar_watch.look, first_seconds=5)
        self.early_closes = EarlyCloses(calendars)
        self.daily_summary = DailySummary(store, self.runs, DeskSettings(store), settings.zone)
        jobs.every(CHECK_SECONDS, "daily summary", self.daily_summary.tell_when_due)

    def stop(self) -> None:
        """Begin no run any more."""
        self.watchdog.stop()
        with suppress(Unavailable):  # the next start takes this console for one that was killed when last seen
            self.scheduler.stop()
