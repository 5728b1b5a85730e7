"""Operations services: builds health, backups and dead man's switch, and migrates or restores the database."""

from __future__ import annotations

import logging
from datetime import time
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from ba2_trade_platform.app.monitoring import Monitoring
from ba2_trade_platform.app.outbound_rules import outbound_rule
from ba2_trade_platform.app.schedules import Scheduling
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.base.store import RESTORE, Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.notifications.service import Notifications
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.operations import restore
from ba2_trade_platform.core.operations.attention import Attention, AttentionSource
from ba2_trade_platform.core.operations.backups import Backups, Plan
from ba2_trade_platform.core.operations.console_metrics import ConsoleCollector
from ba2_trade_platform.core.operations.dead_man_switch import DeadManSwitch
from ba2_trade_platform.core.operations.desk_traces import leave_trace, require_desk
from ba2_trade_platform.core.operations.health import Health, Parts, Readiness
from ba2_trade_platform.core.operations.instance_lock import InstanceLock
from ba2_trade_platform.core.operations.price_checks import PriceChecks
from ba2_trade_platform.core.worker.worker import ExpertWorker
from ba2_trade_platform.db.engine import UnsupportedDatabaseError, database_file
from ba2_trade_platform.db.migrate import Migrated, MigrationError, upgrade
from ba2_trade_platform.settings import Settings

log = logging.getLogger(__name__)


class Operations:
    """The services that keep the console running and its database safe; nothing is started or asked yet."""

    def __init__(
        self,
        settings: Settings,
        version: str,
        store: Store,
        box: SecretBox,
        jobs: BackgroundJobs,
        telemetry: Telemetry,
        worker: ExpertWorker,
        queue: WorkerQueue,
        breakers: Breakers,
        market: Prices,
        monitoring: Monitoring,
        notifications: Notifications,
        schedules: Scheduling,
    ) -> None:
        database, zone = database_file(settings.url), settings.zone
        at = time.fromisoformat(settings.backup_at) if settings.backup_at not in {"", "0"} else None
        self.background_jobs = jobs
        self.backups = Backups(store, database, settings.data_dir / "backups", Plan(at, zone, settings.backup_days))
        watch, watchdog = schedules.calendar_watch, schedules.watchdog
        parts = Parts(
            store, worker, queue, breakers, jobs, self.backups, database, zone, version, market,
            lambda: watch.notes, lambda: watchdog.slept,
        )  # fmt: skip
        readiness = Readiness(parts)
        self.price_checks = PriceChecks(store, market)
        self.dead_man_switch = DeadManSwitch(store, box, jobs, readiness.obstacles, outbound_rule(settings))
        self.health = Health(parts, readiness, self.dead_man_switch)
        watchdog.on_wake(self.health.page_lag.forget)
        watchdog.on_wake(worker.lag.forget)
        self.attention = Attention(
            {
                AttentionSource.FAILURES: monitoring.failures.needs_person,
                AttentionSource.ALERTS: lambda: notifications.alerts.unacknowledged().count,
                AttentionSource.RUNS: schedules.runs.unacknowledged,
                AttentionSource.BREAKERS: lambda: len(breakers.open_providers()),
                AttentionSource.HEALTH: lambda: self.health.bad_count,
            }
        )
        telemetry.metrics.registry.register(ConsoleCollector(monitoring.jobs, queue, worker, store.feed, self.health))

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.backups.start(self.background_jobs)
        self.dead_man_switch.start()
        self.health.start()

    def stop(self) -> None:
        """Give up the copy and the check that are under way."""
        self.backups.stop()
        self.price_checks.stop()


def find_backup(settings: Settings, name: str) -> Path:
    """Return the backup of this path, or of this name in the folder of backups; raises NotFound."""
    return restore.find_backup(name, settings.data_dir / "backups")


def restore_backup(settings: Settings, file: Path) -> restore.Restored:
    """Put a backup in the place of the database, which is kept aside; raises what `restore.restore` does."""
    try:
        database = database_file(settings.url)
    except UnsupportedDatabaseError as error:
        raise StartRefused(f"BA2_DATABASE_URL: {error}") from error
    key = settings.data_dir / "secret.key"
    return restore.restore(file, database, InstanceLock(database), settings.page_url, key)


def migrate(settings: Settings, *, new: bool = False) -> Migrated:
    """Bring the database to this code's schema, after a backup; raises StartRefused when that cannot be done.

    `new`: begin an empty one although a desk was here.
    """
    file = database_file(settings.url)
    try:
        require_desk(settings.url, settings.data_dir, new=new)
        done = upgrade(settings.url, settings.data_dir / "backups")
    except MigrationError as error:
        raise StartRefused(str(error), code="DATABASE_SCHEMA") from error
    except DatabaseError as error:
        sentence = f"The database {file} cannot be opened ({error.orig}): {RESTORE}"
        raise StartRefused(sentence, code="DATABASE_BROKEN") from error
    leave_trace(file, settings.data_dir)
    if done.before is None:
        log.info("Database created with schema %s", done.after)
    elif done.before != done.after:
        log.info("Database migrated from %s, backup %s, to %s", done.before, done.backup, done.after)
    return done
