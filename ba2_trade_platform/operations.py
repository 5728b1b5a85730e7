"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ba2_trade_platform.core.alerts import Alerts
from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.daily_summary import DailySummary
from ba2_trade_platform.core.desk_clock import DeskClock, RealClock, StandingClock
from ba2_trade_platform.core.desk_settings import DeskSettings
from ba2_trade_platform.core.errors import Unavailable
from ba2_trade_platform.core.half_days import HalfDays
from ba2_trade_platform.core.presence import Presence
from ba2_trade_platform.core.queue.worker_queue import WorkerQueue
from ba2_trade_platform.core.schedule_firing import ScheduleFiring
from ba2_trade_platform.core.schedule_runs import ScheduleRuns
from ba2_trade_platform.core.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules import Schedules
from ba2_trade_platform.core.sessions import Calendars
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.core.waiting_alerts import CHECK_SECONDS, WaitingAlerts
from ba2_trade_platform.db.enums import ScheduleClock
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    schedules: Schedules
    schedule_runs: ScheduleRuns
    scheduler: Scheduler
    watchdog: Watchdog
    alerts: Alerts
    waiting: WaitingAlerts
    half_days: HalfDays
    daily_summary: DailySummary

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.scheduler.start()
        self.clockwork.start()
        self.watchdog.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.watchdog.stop()
        with suppress(Unavailable):  # the next start takes this console for one that was killed when last seen
            self.scheduler.stop()
        self.clockwork.stop()


def open_operations(
    store: Store,
    queue: WorkerQueue,
    market: Prices,
    calendars: Calendars,
    settings: Settings,
    desk_settings: DeskSettings,
    version: str,
) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    zone, clockwork, presence = settings.zone, Clockwork(), Presence(store, version)
    clocks: Mapping[ScheduleClock, DeskClock] = {
        ScheduleClock.REAL: RealClock(),
        ScheduleClock.REPLAY: StandingClock(market.clock),
    }
    firing = ScheduleFiring(store, queue, calendars, clocks, market.clock)
    scheduler = Scheduler(store, clockwork, firing, presence, clocks)
    runs = ScheduleRuns(store, calendars, clocks, zone)
    summary = DailySummary(store, runs, desk_settings, zone)
    waiting = WaitingAlerts(store, settings.pending_alert_minutes, zone)
    clockwork.every(CHECK_SECONDS, "long waits", waiting.check)
    clockwork.every(CHECK_SECONDS, "daily summary", summary.tell_when_due)
    return Operations(
        clockwork=clockwork,
        schedules=Schedules(store, calendars, clocks, firing, scheduler.arm),
        schedule_runs=runs,
        scheduler=scheduler,
        watchdog=Watchdog(store, clockwork, scheduler),
        alerts=Alerts(store),
        waiting=waiting,
        half_days=HalfDays(calendars),
        daily_summary=summary,
    )
