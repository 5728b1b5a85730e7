"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.desk_clock import DeskClock, RealClock, StandingClock
from ba2_trade_platform.core.errors import Unavailable
from ba2_trade_platform.core.lists import Lists, open_lists
from ba2_trade_platform.core.presence import Presence
from ba2_trade_platform.core.queue.worker_queue import WorkerQueue
from ba2_trade_platform.core.schedule_firing import ScheduleFiring
from ba2_trade_platform.core.schedule_runs import ScheduleRuns
from ba2_trade_platform.core.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules import Schedules
from ba2_trade_platform.core.sessions import Calendars
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.db.enums import ScheduleClock


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    lists: Lists
    schedules: Schedules
    schedule_runs: ScheduleRuns
    scheduler: Scheduler
    watchdog: Watchdog

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
    store: Store, queue: WorkerQueue, market: Prices, calendars: Calendars, zone: ZoneInfo, version: str
) -> Operations:
    """Put the services together; nothing is started or asked yet. `zone` is that of the desk's days."""
    clockwork, presence = Clockwork(), Presence(store, version)
    clocks: Mapping[ScheduleClock, DeskClock] = {
        ScheduleClock.REAL: RealClock(),
        ScheduleClock.REPLAY: StandingClock(market.clock),
    }
    firing = ScheduleFiring(store, queue, calendars, clocks, market.clock)
    scheduler = Scheduler(store, clockwork, firing, presence, clocks)
    return Operations(
        clockwork=clockwork,
        lists=open_lists(store, market),
        schedules=Schedules(store, calendars, clocks, firing, scheduler.arm),
        schedule_runs=ScheduleRuns(store, calendars, clocks, zone),
        scheduler=scheduler,
        watchdog=Watchdog(store, clockwork, scheduler),
    )
