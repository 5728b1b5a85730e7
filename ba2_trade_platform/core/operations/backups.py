"""Backups: daily and on request, verified and rotated while the console keeps working."""

from __future__ import annotations

import builtins
import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import SYSTEM, Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Refused, Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert
from ba2_trade_platform.core.operations.database_copies import CopyError, CopyGivenUpError, copy_database, remove_drafts
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader

log = logging.getLogger(__name__)
_B = t.backup.c
SHOWN = 100
LOOK_SECONDS = 30.0
AFTER_START_SECONDS = 60.0  # a start has enough to do
STOCK_SECONDS = 300.0
AGAIN = timedelta(hours=1)  # after a failure
ALERT_KEY = "backup"
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Plan:
    """When a backup is made each day (None: never by itself), in which zone, and how many days one is kept (0: all)."""

    at: time | None
    zone: ZoneInfo
    days: int

    def last(self, now: datetime) -> datetime | None:
        """Return the newest planned instant that is not after `now`, None when none is planned."""
        return None if self.at is None else max(each for each in self._around(now) if each <= now)

    def next(self, now: datetime) -> datetime | None:
        """Return the first planned instant after `now`, None when none is planned."""
        return None if self.at is None else min(each for each in self._around(now) if each > now)

    @property
    def sentence(self) -> str:
        """Say when backups are made and how long they stay."""
        kept = f"kept {self.days} {'day' if self.days == 1 else 'days'}" if self.days else "kept for ever"
        if self.at is None:
            return f"Backups are made only when asked for (BA2_BACKUP_AT is 0), {kept}"
        return f"A backup is made each day at {self.at:%H:%M} ({self.zone.key}), {kept}"

    def _around(self, now: datetime) -> list[datetime]:
        day = now.astimezone(self.zone).date()
        days = (day + timedelta(days=apart) for apart in (-1, 0, 1))
        return [datetime.combine(each, self.at or time(), self.zone).astimezone(UTC) for each in days]


@dataclass(frozen=True)
class Backup:
    """One copy of the database, or the failed try to make one; `deleted_at` is since when its file is gone."""

    id: int
    started_at: datetime
    finished_at: datetime | None
    file: str | None
    bytes: int | None
    verified: bool
    error: str | None
    deleted_at: datetime | None

    @property
    def good(self) -> bool:
        """Whether it can be restored."""
        return self.verified and self.error is None and self.deleted_at is None

    @property
    def sentence(self) -> str:
        """Say what became of it."""
        if self.error:
            return f"The backup failed: {self.error}"
        size = f"{(self.bytes or 0) / 1e6:,.1f} MB"
        seconds = (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0
        return f"Backup made and verified in {seconds:.1f} s: {self.file} ({size})"


_BACKUPS = Reader(Backup, t.backup)
_NEWEST_FIRST = _BACKUPS.select().order_by(_B.started_at.desc(), _B.id.desc())
_GOOD = (_B.verified, _B.error.is_(None), _B.deleted_at.is_(None))


class Backups:
    """Makes, lists and clears away copies of the database in `folder`; one at a time."""

    def __init__(self, store: Store, database: Path, folder: Path, plan: Plan) -> None:
        self._store = store
        self.check_permission = store.check_permission
        self._database = database
        self.folder = folder
        self.plan = plan
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._failed_at: datetime | None = None  # of this life; a row may not have been possible

    def start(self, jobs: BackgroundJobs) -> None:
        """Take stock of the folder and begin to make what is due, a missed one too."""
        self._stopping.clear()
        remove_drafts(self.folder)
        self.take_stock()
        jobs.every(STOCK_SECONDS, "stock of backups", self.take_stock)
        if self.plan.at is not None:
            jobs.every(LOOK_SECONDS, "backup", self.make_due, first_seconds=AFTER_START_SECONDS)

    def stop(self) -> None:
        """Give up the copy that is under way."""
        self._stopping.set()

    @property
    def under_way(self) -> bool:
        """Whether a copy is being made now."""
        return self._turn.locked()

    def list(self) -> builtins.list[Backup]:
        """Return the newest 100, newest first."""
        with self._store.read() as session:
            return _BACKUPS.all(session, _NEWEST_FIRST.limit(SHOWN))

    def newest_good(self) -> Backup | None:
        """Return the newest one that can be restored."""
        with self._store.read() as session:
            return _BACKUPS.first(session, _NEWEST_FIRST.where(*_GOOD).limit(1))

    def newest(self) -> Backup | None:
        """Return the newest try."""
        with self._store.read() as session:
            return _BACKUPS.first(session, _NEWEST_FIRST.limit(1))

    def due(self) -> bool:
        """Tell whether the newest planned one is missing, and nobody has tried within the last hour."""
        now = self._store.clock.now()
        planned, newest, good = self.plan.last(now), self.newest(), self.newest_good()
        if planned is None or (good is not None and good.started_at >= planned):
            return False
        failed = self._failed_at or (newest.started_at if newest is not None and newest.error else None)
        return failed is None or failed < max(planned, now - AGAIN)

    def make_due(self) -> None:
        """Make a backup when one is due; what fails is written down and shown, never raised."""
        try:
            if self.due():
                self.make(by=SYSTEM)
        except (Refused, Unavailable) as error:
            log.warning("No backup was made: %s", error)

    @needs(Action.CREATE, Subject.BACKUP)
    def make(self, *, by: Actor) -> Backup:
        """Make a backup now and clear away old ones; a failure is written down, alarmed and raised.

        Raises Refused while another is being made, Unavailable when it cannot be made.
        """
        if not self._turn.acquire(blocking=False):
            raise Refused("A backup is being made already; its row appears when it is done", code="BACKUP_UNDER_WAY")
        try:
            started = self._store.clock.now()
            target = self._free_name(started)
            self._store.require_file()  # another one in its place is no backup of this desk
            copy_database(self._database, target, go_on=lambda: not self._stopping.is_set())
        except CopyGivenUpError as error:
            raise Unavailable("The console stops: the backup was given up") from error
        except CopyError as error:
            self._failed(started, str(error))
            raise Unavailable(f"The backup failed: {error}", code="BACKUP_FAILED") from error
        else:
            with self._store.command(by, Action.CREATE, Subject.BACKUP) as command:
                row = _row(target, started, command.now)
                inserted = insert(t.backup).values(**row).returning(*_BACKUPS.columns)
                made = Backup(*tuple(command.session.execute(inserted).one()))
                resolve_alert(command, ALERT_KEY, command.now)
                command.record(made.id, after=made.sentence)
            self._failed_at = None
            log.info("%s", made.sentence)
            self.clear_away()
            return made
        finally:
            self._turn.release()

    def _failed(self, started: datetime, why: str) -> None:
        log.warning("The backup failed: %s", why)
        self._failed_at = started
        now = self._store.clock.now()
        alert = AlertEvent("backup_failed", ALERT_KEY, f"The backup failed: {why}", "/health#backups")
        with self._store.write() as transaction:
            session = transaction.session
            session.execute(insert(t.backup).values(started_at=started, finished_at=now, verified=False, error=why))
            raise_alert(transaction, alert, now)
            transaction.touch(Topic.OPERATIONS)

    def clear_away(self) -> None:
        """Delete what is older than it is to be kept; the newest good one always stays."""
        newest = self.newest_good()
        if not self.plan.days or newest is None:
            return
        until = self._store.clock.now() - timedelta(days=self.plan.days)
        with self._store.read() as session:
            old = _BACKUPS.all(session, _NEWEST_FIRST.where(*_GOOD, _B.started_at < until, _B.id != newest.id))
        for backup in old:
            try:
                Path(backup.file or "").unlink(missing_ok=True)
            except OSError as error:
                log.warning("The old backup %s cannot be deleted: %s", backup.file, error.strerror)
                continue
            self._gone([backup.id])

    def take_stock(self) -> None:
        """Have the rows say what is in the folder: files of a console restored since, and files taken away by hand.

        A file that has the name of a backup was verified, for it got its name only then; one that has another size than
        it had then is no backup any more. Does nothing while one is being made.
        """
        if not self._turn.acquire(blocking=False):
            return
        try:
            with self._store.read() as session:
                known = {Path(each.file or ""): each for each in _BACKUPS.all(session, _NEWEST_FIRST.where(*_GOOD))}
                gone = set(session.scalars(select(_B.file).where(_B.deleted_at.is_not(None))))
            self._gone([each.id for file, each in known.items() if not _is_whole(file, each.bytes)])
            for file in sorted(self.folder.glob(f"{self._database.stem}-backup-*.db")):
                if file not in known and str(file) not in gone and (made := _instant_of(file)) is not None:
                    with self._store.write() as transaction:
                        transaction.session.execute(insert(t.backup).values(**_row(file, made, made)))
                        transaction.touch(Topic.OPERATIONS)
        except Unavailable as error:
            log.warning("The folder of backups was not looked at: %s", error)
        finally:
            self._turn.release()

    def _gone(self, backup_ids: builtins.list[int]) -> None:
        if backup_ids:
            with self._store.write() as transaction:
                now = self._store.clock.now()
                transaction.session.execute(update(t.backup).where(_B.id.in_(backup_ids)).values(deleted_at=now))
                transaction.touch(Topic.OPERATIONS)

    def _free_name(self, at: datetime) -> Path:
        target = self.folder / f"{self._database.stem}-backup-{at.astimezone(UTC):{STAMP}}.db"
        return self._free_name(at + timedelta(seconds=1)) if target.exists() else target


def _row(file: Path, started: datetime, finished: datetime) -> dict[str, Any]:
    size = file.stat().st_size
    return {"started_at": started, "finished_at": finished, "file": str(file), "bytes": size, "verified": True}


def _is_whole(file: Path, size: int | None) -> bool:
    try:
        return file.stat().st_size == size
    except OSError:
        return False


def _instant_of(file: Path) -> datetime | None:
    try:
        return datetime.strptime(file.stem.rpartition("-")[2], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
