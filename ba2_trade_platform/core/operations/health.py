"""Health: reads and judges every part of the console, cached so that pages and probes share one look."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.contracts.price_status import status_of
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.observability import process
from ba2_trade_platform.core.observability.loop_lag import LoopLag
from ba2_trade_platform.core.observability.standstill import Sleep
from ba2_trade_platform.core.operations import health_checks as checks
from ba2_trade_platform.core.operations.backups import Backups
from ba2_trade_platform.core.operations.dead_man_switch import DeadManSwitch
from ba2_trade_platform.core.operations.health_facts import read_facts
from ba2_trade_platform.core.operations.health_report import Group, Item, Report, State
from ba2_trade_platform.core.schedules.calendar_watch import CalendarNotes
from ba2_trade_platform.core.worker.worker import ExpertWorker
from ba2_trade_platform.db.engine import existing
from ba2_trade_platform.db.migrate import head

log = logging.getLogger(__name__)
FRESH_SECONDS = 3.0
LOCK_SECONDS = 2.0
LOOK_SECONDS = 15.0
DISKS = ("disk", "backup_disk")
NO_ROOM_BYTES = 20_000_000


@dataclass(frozen=True)
class Parts:
    """What is looked at. `database` is the SQLite file."""

    store: Store
    worker: ExpertWorker
    queue: WorkerQueue
    breakers: Breakers
    jobs: BackgroundJobs
    backups: Backups
    database: Path
    zone: ZoneInfo
    version: str
    market: Prices
    calendars: Callable[[], CalendarNotes] = CalendarNotes
    last_sleep: Callable[[], Sleep | None] = lambda: None


class Readiness:
    """Whether the console can work just now, and what keeps it from it; asked at most once a second."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._known: tuple[str, ...] = ()
        self._known_at = 0.0

    def obstacles(self) -> tuple[str, ...]:
        """Return why the console cannot work, nothing when it can. Never raises; waits two seconds at most."""
        with self._lock:
            if not self._known_at or time.monotonic() - self._known_at > 1:
                status, room = self._parts.worker.status, process.free_bytes(self._parts.database.parent)
                reasons = (
                    None if status.running else "the worker does not run",
                    status.storage_problem,
                    None if self._parts.jobs.alive else "the scheduler does not run",
                    "the disk is full" if room is not None and room < NO_ROOM_BYTES else None,
                    self.writing_problem(),
                )
                self._known = tuple(dict.fromkeys(filter(None, reasons)))
                self._known_at = time.monotonic()
            return self._known

    def writing_problem(self) -> str | None:
        """Return why the database cannot be written, is gone or damaged, or is not of this version's schema."""
        try:
            self._parts.store.require_file()
        except Unavailable as error:
            return str(error)
        if self._parts.store.damage is not None:
            return self._parts.store.damage
        try:
            # Its own connection: none of the console's pool may be free just when somebody asks.
            uri = existing(self._parts.database)
            with closing(sqlite3.connect(uri, timeout=LOCK_SECONDS, isolation_level=None, uri=True)) as one:
                one.execute("BEGIN IMMEDIATE")
                found = one.execute("SELECT version_num FROM alembic_version").fetchone()
                one.execute("ROLLBACK")
        except sqlite3.Error as error:
            locked = "locked" in str(error) or "busy" in str(error)
            return "the database is locked by another program" if locked else f"the database answered: {error}"
        if found is None or found[0] != head():
            return f"the database has schema {found and found[0]}, this version needs {head()}"
        return None


class Health:
    """Reads and judges everything; blocking, and never raising: what cannot be read is an item of its own."""

    def __init__(
        self,
        parts: Parts,
        readiness: Readiness,
        dead_man_switch: DeadManSwitch,
        room: Callable[[Path], int | None] = process.free_bytes,
    ) -> None:
        self._room = room
        self._parts = parts
        self._readiness = readiness
        self._dead_man_switch = dead_man_switch
        self._lock = threading.Lock()
        self._report: Report | None = None
        self._read_at = 0.0
        self._started_at = time.monotonic()
        self._clock = process.ClockWatch()
        self._versions = process.versions(parts.version)
        self._pages: Callable[[], int] = lambda: 0
        self._told: tuple[str, ...] = ()
        self._full: set[str] | None = None  # disks of which an alert tells; None: the life before may have told
        self.page_lag = LoopLag()

    def count_pages(self, count: Callable[[], int]) -> None:
        """Have the open pages counted by whoever knows them."""
        self._pages = count

    def start(self) -> None:
        """Begin to look by itself, so that a page hears of what nobody wrote down."""
        self._parts.jobs.every(LOOK_SECONDS, "health", self.look, first_seconds=3)

    def look(self) -> None:
        """Read anew, and tell the pages when something turned bad or well."""
        report = self.read()
        bad = tuple(item.key for item in report.bad)
        self._tell_of_disks(report)
        if bad != self._told:
            self._told = bad
            self._parts.store.feed.publish(Change(frozenset({Topic.OPERATIONS})))

    def _tell_of_disks(self, report: Report) -> None:
        full = {item.key: item for item in report.bad if item.key in DISKS}
        if set(full) == self._full:
            return
        try:
            with self._parts.store.write() as transaction:
                for key in set(DISKS) - set(full):
                    resolve_alert(transaction, key, report.at)
                for key, item in full.items():
                    alert = AlertEvent("disk", key, f"{item.label}: {item.sentence}", "/health")
                    raise_alert(transaction, alert, report.at)
        except Unavailable as error:
            log.warning("The alert about a full disk waits: %s", error)
            return
        self._full = set(full)

    @property
    def bad_count(self) -> int:
        """How many items needed a person when somebody looked last; looks at nothing itself."""
        return len(self._told)

    def obstacles(self) -> tuple[str, ...]:
        """Return why the console cannot work, nothing when it can."""
        return self._readiness.obstacles()

    def read(self) -> Report:
        """Return how everything stands, at most three seconds old."""
        with self._lock:
            if self._report is None or time.monotonic() - self._read_at > FRESH_SECONDS:
                self._report = self._read()
                self._read_at = time.monotonic()
            return self._report

    def _read(self) -> Report:
        parts, now = self._parts, self._parts.store.clock.now()
        status, problem = parts.worker.status, self._readiness.writing_problem()
        items = [
            *self._from_database(),
            checks.loop("worker_loop", "Worker loop", parts.worker.lag.reading),
            checks.loop("page_loop", "Page loop", self.page_lag.reading),
            checks.storage(status.storage_problem, problem),
            *checks.process(
                process.memory_bytes(), timedelta(seconds=time.monotonic() - self._started_at), self._pages()
            ),
        ]
        return Report(now, tuple(items), self._versions)

    def _from_database(self) -> list[Item]:
        """Return what needs the database to be readable, or one item that says that it is not."""
        parts, now = self._parts, self._parts.store.clock.now()
        status = parts.worker.status
        jump = self._clock.jump_seconds(now, process.steady_seconds())
        try:
            facts, queue = read_facts(parts.store, now), parts.queue.state()
            open_providers, active = parts.breakers.open_providers(), parts.breakers.active()
            good, newest = parts.backups.newest_good(), parts.backups.newest()
            dead_man_switch = self._dead_man_switch.state
        except Unavailable as error:
            unread = Item("database", Group.STORAGE, "Database", State.BAD, "unreadable", f"It cannot be read: {error}")
            alive = checks.scheduler(parts.jobs.alive, None, now)[:1]
            return [*checks.worker(status, None), *alive, *checks.clock(jump, None, now, parts.zone.key), unread]
        wal = process.file_bytes(parts.database.with_name(f"{parts.database.name}-wal"))
        return [
            *checks.worker(status, queue),
            *checks.waiting(facts, status, queue, open_providers, now),
            *checks.scheduler(parts.jobs.alive, facts.next_wake, now),
            checks.dead_man_switch(dead_man_switch),
            *checks.clock(jump, facts.newest_at, now, parts.zone.key),
            checks.sleep(parts.last_sleep(), parts.zone),
            checks.calendars(parts.calendars()),
            *checks.database(facts, wal, head()),
            checks.disk("disk", "Disk of the data", self._room(parts.database.parent), facts.bytes),
            checks.disk("backup_disk", "Disk of the backups", self._room(parts.backups.folder), facts.bytes),
            checks.backup(good, newest, parts.backups.plan, now),
            checks.providers(active),
            checks.prices(status_of(parts.market), now),
            checks.notifications(facts.failing_channels, facts.failed_messages),
        ]
