"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from ba2_trade_platform.core import restoring
from ba2_trade_platform.core.alerts import Alerts
from ba2_trade_platform.core.backups import Backups, Plan
from ba2_trade_platform.core.breakers import Breakers
from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.daily_summary import DailySummary
from ba2_trade_platform.core.desk_clock import DeskClock, RealClock, StandingClock
from ba2_trade_platform.core.desk_settings import DeskSettings
from ba2_trade_platform.core.errors import StartRefused, Unavailable
from ba2_trade_platform.core.half_days import HalfDays
from ba2_trade_platform.core.health import Health, Parts, Readiness
from ba2_trade_platform.core.heartbeat import Heartbeat
from ba2_trade_platform.core.notifications.service import Notifications, open_notifications
from ba2_trade_platform.core.ownership import Ownership
from ba2_trade_platform.core.presence import Presence
from ba2_trade_platform.core.queue.worker_queue import WorkerQueue
from ba2_trade_platform.core.schedule_firing import ScheduleFiring
from ba2_trade_platform.core.schedule_runs import ScheduleRuns
from ba2_trade_platform.core.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules import Schedules
from ba2_trade_platform.core.secret_box import SecretBox
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.core.waiting_alerts import CHECK_SECONDS, WaitingAlerts
from ba2_trade_platform.core.worker import ExpertWorker
from ba2_trade_platform.db.engine import UnsupportedDatabaseError, database_file
from ba2_trade_platform.db.enums import ScheduleClock
from ba2_trade_platform.market.sessions import ExchangeCalendars
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Ground:
    """What stands before: the services that these are built on."""

    settings: Settings
    store: Store
    queue: WorkerQueue
    worker: ExpertWorker
    breakers: Breakers
    market: Prices
    version: str


@dataclass(frozen=True)
class Timekeeping:
    """Who keeps the desk's times."""

    schedules: Schedules
    runs: ScheduleRuns
    scheduler: Scheduler
    watchdog: Watchdog
    half_days: HalfDays
    daily_summary: DailySummary


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    clocks: Mapping[ScheduleClock, DeskClock]
    timekeeping: Timekeeping
    notifications: Notifications
    alerts: Alerts
    backups: Backups
    heartbeat: Heartbeat
    health: Health

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.timekeeping.scheduler.start()
        self.clockwork.start()
        self.timekeeping.watchdog.start()
        self.backups.start(self.clockwork)
        self.heartbeat.start()
        self.health.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.timekeeping.watchdog.stop()
        with suppress(Unavailable):  # the next start takes this console for one that was killed when last seen
            self.timekeeping.scheduler.stop()
        self.clockwork.stop()
        self.backups.stop()


def open_operations(ground: Ground) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork, box = Clockwork(), SecretBox(ground.settings.data_dir / "secret.key")
    clocks: dict[ScheduleClock, DeskClock] = {
        ScheduleClock.REAL: RealClock(),
        ScheduleClock.REPLAY: StandingClock(ground.market.clock),
    }
    settings = ground.settings
    backups = open_backups(settings, ground.store)
    parts = Parts(
        ground.store, ground.worker, ground.queue, ground.breakers, clockwork, backups,
        database_file(settings.url), settings.zone, ground.version,
    )  # fmt: skip
    readiness = Readiness(parts)
    heartbeat = Heartbeat(ground.store, box, clockwork, readiness.obstacles)
    return Operations(
        clockwork=clockwork,
        clocks=clocks,
        timekeeping=_timekeeping(ground, clockwork, clocks),
        notifications=_notifications(ground, clockwork, box),
        alerts=_alerts(ground, clockwork),
        backups=backups,
        heartbeat=heartbeat,
        health=Health(parts, readiness, heartbeat),
    )


def _timekeeping(ground: Ground, clockwork: Clockwork, clocks: Mapping[ScheduleClock, DeskClock]) -> Timekeeping:
    store, calendars = ground.store, ExchangeCalendars()
    firing = ScheduleFiring(store, ground.queue, calendars, clocks, ground.market.clock)
    scheduler = Scheduler(store, clockwork, firing, Presence(store, ground.version), clocks)
    runs = ScheduleRuns(store, calendars, clocks, ground.settings.zone)
    summary = DailySummary(store, runs, DeskSettings(store), ground.settings.zone)
    clockwork.every(CHECK_SECONDS, "daily summary", summary.tell_when_due)
    return Timekeeping(
        schedules=Schedules(store, calendars, clocks, firing, scheduler.arm),
        runs=runs,
        scheduler=scheduler,
        watchdog=Watchdog(store, clockwork, scheduler),
        half_days=HalfDays(calendars),
        daily_summary=summary,
    )


def _alerts(ground: Ground, clockwork: Clockwork) -> Alerts:
    settings = ground.settings
    waiting = WaitingAlerts(ground.store, settings.pending_alert_minutes, settings.zone)
    clockwork.every(CHECK_SECONDS, "long waits", waiting.check)
    return Alerts(ground.store)


def _notifications(ground: Ground, clockwork: Clockwork, box: SecretBox) -> Notifications:
    settings = ground.settings
    notifications = open_notifications(
        ground.store, box, settings.zone.key, settings.page_url, per_hour=settings.notifications_per_hour
    )
    notifications.work_by(clockwork)
    return notifications


def open_backups(settings: Settings, store: Store) -> Backups:
    """Return the backups as the settings want them."""
    at = time.fromisoformat(settings.backup_at) if settings.backup_at not in {"", "0"} else None
    plan = Plan(at, settings.zone, settings.backup_days)
    return Backups(store, database_file(settings.url), settings.data_dir / "backups", plan)


def find_backup(settings: Settings, name: str) -> Path:
    """Return the backup of this path, or of this name in the folder of backups; raises NotFound."""
    return restoring.find_backup(name, settings.data_dir / "backups")


def restore_backup(settings: Settings, file: Path) -> restoring.Restored:
    """Put a backup in the place of the database, which is kept aside; raises what `restoring.restore` does."""
    try:
        database = database_file(settings.url)
    except UnsupportedDatabaseError as error:
        raise StartRefused(f"BA2_DATABASE_URL: {error}") from error
    key = settings.data_dir / "secret.key"
    return restoring.restore(file, database, Ownership(database), settings.page_url, key)
