"""Puts together what watches over the console and keeps copies of its database: health, heartbeat, backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from pathlib import Path

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.background_jobs import Clockwork
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.operations import restore
from ba2_trade_platform.core.operations.backups import Backups, Plan
from ba2_trade_platform.core.operations.dead_man_switch import Heartbeat
from ba2_trade_platform.core.operations.health import Health, Parts, Readiness
from ba2_trade_platform.core.operations.instance_lock import Ownership
from ba2_trade_platform.core.worker.worker import ExpertWorker
from ba2_trade_platform.db.engine import UnsupportedDatabaseError, database_file
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Watched:
    """The services that health looks at."""

    store: Store
    queue: WorkerQueue
    worker: ExpertWorker
    breakers: Breakers
    market: Prices


@dataclass(frozen=True)
class Safekeeping:
    """The services that keep the console safe; the platform shows each under its own name."""

    clockwork: Clockwork
    backups: Backups
    heartbeat: Heartbeat
    health: Health

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.backups.start(self.clockwork)
        self.heartbeat.start()
        self.health.start()

    def stop(self) -> None:
        """Give up the copy that is under way."""
        self.backups.stop()


def open_safekeeping(
    settings: Settings, watched: Watched, clockwork: Clockwork, box: SecretBox, version: str
) -> Safekeeping:
    """Put the services together; nothing is started or asked yet."""
    store, database = watched.store, database_file(settings.url)
    at = time.fromisoformat(settings.backup_at) if settings.backup_at not in {"", "0"} else None
    plan = Plan(at, settings.zone, settings.backup_days)
    backups = Backups(store, database, settings.data_dir / "backups", plan)
    parts = Parts(
        store, watched.worker, watched.queue, watched.breakers, clockwork, backups, database, settings.zone, version,
        watched.market,
    )  # fmt: skip
    readiness = Readiness(parts)
    heartbeat = Heartbeat(store, box, clockwork, readiness.obstacles)
    return Safekeeping(clockwork, backups, heartbeat, Health(parts, readiness, heartbeat))


def find_backup(settings: Settings, name: str) -> Path:
    """Return the backup of this path, or of this name in the folder of backups; raises NotFound."""
    return restore.find_backup(name, settings.data_dir / "backups")


def restore_backup(settings: Settings, file: Path) -> restore.Restored:
    """Put a backup in the place of the database, which is kept aside; raises what `restoring.restore` does."""
    try:
        database = database_file(settings.url)
    except UnsupportedDatabaseError as error:
        raise StartRefused(f"BA2_DATABASE_URL: {error}") from error
    key = settings.data_dir / "secret.key"
    return restore.restore(file, database, Ownership(database), settings.page_url, key)
