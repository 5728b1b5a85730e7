"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from pathlib import Path

from ba2_trade_platform.core import restoring
from ba2_trade_platform.core.backups import Backups, Plan
from ba2_trade_platform.core.breakers import Breakers
from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.errors import StartRefused
from ba2_trade_platform.core.health import Health, Parts, Readiness
from ba2_trade_platform.core.heartbeat import Heartbeat
from ba2_trade_platform.core.ownership import Ownership
from ba2_trade_platform.core.queue.worker_queue import WorkerQueue
from ba2_trade_platform.core.secret_box import SecretBox
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.core.worker import ExpertWorker
from ba2_trade_platform.db.engine import UnsupportedDatabaseError, database_file
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    backups: Backups
    heartbeat: Heartbeat
    health: Health

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.clockwork.start()
        self.backups.start(self.clockwork)
        self.heartbeat.start()
        self.health.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.clockwork.stop()
        self.backups.stop()


def open_operations(
    settings: Settings, store: Store, worker: ExpertWorker, queue: WorkerQueue, breakers: Breakers, version: str
) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork, file = Clockwork(), database_file(settings.url)
    backups = open_backups(settings, store)
    parts = Parts(store, worker, queue, breakers, clockwork, backups, file, settings.zone, version)
    readiness = Readiness(parts)
    heartbeat = Heartbeat(store, SecretBox(settings.data_dir / "secret.key"), clockwork, readiness.obstacles)
    return Operations(
        clockwork=clockwork, backups=backups, heartbeat=heartbeat, health=Health(parts, readiness, heartbeat)
    )


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
