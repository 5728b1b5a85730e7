"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ba2_trade_platform.core.breakers import Breakers
from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.desk_clock import DeskClock, RealClock, StandingClock
from ba2_trade_platform.core.errors import Unavailable
from ba2_trade_platform.core.lists import Lists, open_lists
from ba2_trade_platform.core.notifications.service import Notifications, open_notifications
from ba2_trade_platform.core.presence import Presence
from ba2_trade_platform.core.queue.worker_queue import WorkerQueue
from ba2_trade_platform.core.schedule_firing import ScheduleFiring
from ba2_trade_platform.core.schedule_runs import ScheduleRuns
from ba2_trade_platform.core.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules import Schedules
from ba2_trade_platform.core.secret_box import SecretBox
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.core.worker import ExpertWorker
from ba2_trade_platform.db.enums import ScheduleClock
from ba2_trade_platform.market.sessions import ExchangeCalendars
from ba2_trade_platform.safekeeping import Safekeeping, Watched, open_safekeeping
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Ground:
    """What stands before: the services that these are built on."""

    settings: Settings
    store: Store
    queue: WorkerQueue
    market: Prices
    worker: ExpertWorker
    breakers: Breakers
    version: str


@dataclass(frozen=True)
class Timekeeping:
    """Who keeps the desk's times."""

    schedules: Schedules
    runs: ScheduleRuns
    scheduler: Scheduler
    watchdog: Watchdog


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    clocks: Mapping[ScheduleClock, DeskClock]
    timekeeping: Timekeeping
    notifications: Notifications
    safekeeping: Safekeeping
    lists: Lists

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.timekeeping.scheduler.start()
        self.clockwork.start()
        self.timekeeping.watchdog.start()
        self.safekeeping.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.timekeeping.watchdog.stop()
        with suppress(Unavailable):  # the next start takes this console for one that was killed when last seen
            self.timekeeping.scheduler.stop()
        self.notifications.stop()
        self.clockwork.stop()
        self.safekeeping.stop()


def open_operations(ground: Ground) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork, box = Clockwork(), SecretBox(ground.settings.data_dir / "secret.key")
    clocks: dict[ScheduleClock, DeskClock] = {
        ScheduleClock.REAL: RealClock(),
        ScheduleClock.REPLAY: StandingClock(ground.market.clock),
    }
    watched = Watched(ground.store, ground.queue, ground.worker, ground.breakers)
    return Operations(
        clockwork=clockwork,
        clocks=clocks,
        timekeeping=_timekeeping(ground, clockwork, clocks),
        notifications=_notifications(ground, clockwork, box),
        lists=open_lists(ground.store, ground.market),
        safekeeping=open_safekeeping(ground.settings, watched, clockwork, box, ground.version),
    )


def _timekeeping(ground: Ground, clockwork: Clockwork, clocks: Mapping[ScheduleClock, DeskClock]) -> Timekeeping:
    store, calendars = ground.store, ExchangeCalendars()
    firing = ScheduleFiring(store, ground.queue, calendars, clocks, ground.market.clock)
    scheduler = Scheduler(store, clockwork, firing, Presence(store, ground.version), clocks)
    return Timekeeping(
        schedules=Schedules(store, calendars, clocks, firing, scheduler.arm),
        runs=ScheduleRuns(store, calendars, clocks, ground.settings.zone),
        scheduler=scheduler,
        watchdog=Watchdog(store, clockwork, scheduler),
    )


def _notifications(ground: Ground, clockwork: Clockwork, box: SecretBox) -> Notifications:
    settings = ground.settings
    notifications = open_notifications(
        ground.store, box, settings.zone.key, settings.page_url, per_hour=settings.notifications_per_hour
    )
    notifications.work_by(clockwork)
    return notifications
