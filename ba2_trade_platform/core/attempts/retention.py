"""Retention: packs archives of old attempts into files, so that the database stays small."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, delete, func, select, update

from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles, Packable
from ba2_trade_platform.core.attempts.archives import expand
from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Refused, SwitchedOff, Unavailable
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t

log = get_logger(__name__)
SLICE = 100
AT_ONCE = 10_000
_T = t.attempt.c


@dataclass(frozen=True)
class Packing:
    """What would be packed away now. `days` 0: nothing ever is. `attempts` ends at 10,000, the most one run takes."""

    days: int
    attempts: int
    bytes: int
    oldest: datetime | None
    folder: str
    more: bool

    @property
    def sentence(self) -> str:
        """Say what would happen."""
        if not self.days:
            return "Archives stay in the database for ever; set BA2_ARCHIVE_DAYS to pack away what is older"
        days = "1 day" if self.days == 1 else f"{self.days:,} days"
        if not self.attempts:
            return f"No archive is older than {days}"
        size = f"{self.bytes / 1e6:.1f} MB"
        return f"{_counted(self.attempts)} older than {days} ({size}) can be packed away into {self.folder}"


@dataclass(frozen=True)
class PackedAway:
    """What was packed away, and into which file."""

    attempts: int
    bytes: int
    file: str
    more: bool

    @property
    def sentence(self) -> str:
        """Say what was done."""
        rest = "; more are old enough, pack again" if self.more else ""
        return f"{_counted(self.attempts)} ({self.bytes / 1e6:.1f} MB) packed away into {self.file}{rest}"


class Retention:
    """Previews and packs away the archives that are older than the desk wants to keep in its database."""

    def __init__(self, store: Store, archive_files: ArchiveFiles, days: int) -> None:
        self._store = store
        self.check_permission = store.check_permission
        self._archive_files = archive_files
        self._days = days
        self._turn = threading.Lock()  # two at once would write into the same file

    def preview(self) -> Packing:
        """Return what `pack_away` would take now."""
        folder = str(self._archive_files.folder)
        if not self._days:
            return Packing(0, 0, 0, None, folder, more=False)
        some = self._old().subquery()
        with self._store.read() as session:
            count, size, oldest = session.execute(
                select(func.count(), func.coalesce(func.sum(some.c.size), 0), func.min(some.c.finished_at))
            ).one()
        return Packing(self._days, min(count, AT_ONCE), size, oldest, folder, more=count > AT_ONCE)

    @needs(Action.PACK, Subject.ARCHIVES)
    def pack_away(self, *, by: Actor) -> PackedAway:
        """Write old archives into one new file, and only when that is safe on the disk take them out of the database.

        Killed in between, the database still has what the file has. Raises SwitchedOff when no limit is set, Refused
        when nothing is old enough, Unavailable when the folder or the database cannot be written.
        """
        if not self._days:
            raise SwitchedOff("Archives are kept for ever: BA2_ARCHIVE_DAYS is 0", code="RETENTION_OFF")
        with self._turn:
            done = self._pack_away(by)
        log.info("%s by %s", done.sentence, by, packed=done.attempts, file=Path(done.file).name)
        return done

    def _pack_away(self, by: Actor) -> PackedAway:
        foreseen = self.preview()
        with self._store.read() as session:
            wanted = session.scalars(self._old().limit(AT_ONCE)).all()
        if not wanted:
            raise Refused(foreseen.sentence, code="NOTHING_TO_PACK")
        try:
            file = self._archive_files.write(self._archives(wanted), self._store.clock.now())
        except OSError as error:
            raise Unavailable(f"{self._archive_files.folder} cannot be written: {error.strerror}") from error
        packed = sum(self._let_go(some, file.name) for some in _slices(wanted))
        done = PackedAway(packed, foreseen.bytes, str(file), foreseen.more)
        with self._store.command(by, Action.PACK, Subject.ARCHIVES) as command:
            command.record(after=done.sentence)
        return done

    def _old(self) -> Select[Any]:
        """Return the query for attempts whose archives are old enough, the oldest first, and how large those are."""
        contents, traceback = func.length(t.archive.c.contents), func.length(t.archive.c.traceback)
        return (
            select(_T.id, _T.finished_at, (func.coalesce(contents, 0) + func.coalesce(traceback, 0)).label("size"))
            .join(t.archive, t.archive.c.attempt_id == _T.id)
            .join(t.analysis, t.analysis.c.id == _T.analysis_id)
            .where(_T.finished_at < self._store.clock.now() - timedelta(days=self._days))
            .where(_T.number < t.analysis.c.attempt)
            .order_by(_T.finished_at)
            .limit(AT_ONCE + 1)
        )

    def _archives(self, attempt_ids: Sequence[int]) -> Iterator[Packable]:
        """Read the archives slice by slice: what an attempt left may be large."""
        for some in _slices(attempt_ids):
            with self._store.read() as session:
                rows: Sequence[Any] = session.execute(
                    select(_T.analysis_id, _T.number, t.archive.c.contents, t.archive.c.traceback)
                    .join(t.archive, t.archive.c.attempt_id == _T.id)
                    .where(_T.id.in_(some))
                    .order_by(_T.id)
                ).all()
            for row in rows:
                trace = zlib.decompress(row.traceback).decode() if row.traceback else None
                yield Packable(row.analysis_id, row.number, expand(row.contents), trace)

    def _let_go(self, attempt_ids: Sequence[int], name: str) -> int:
        """Take the archives of these attempts out of the database and say how many went.

        One that became its analysis' present attempt while the file was written, by a re-run that was withdrawn,
        keeps its archive.
        """
        still_old = (
            select(_T.id)
            .join(t.analysis, t.analysis.c.id == _T.analysis_id)
            .where(_T.id.in_(attempt_ids), _T.number < t.analysis.c.attempt)
        )
        with self._store.write() as transaction:
            session = transaction.session
            gone = list(session.scalars(still_old))
            session.execute(delete(t.archive).where(t.archive.c.attempt_id.in_(gone)))
            session.execute(update(t.attempt).where(_T.id.in_(gone)).values(packed_into=name))
        return len(gone)


def _slices(attempt_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(attempt_ids), SLICE):
        yield attempt_ids[start : start + SLICE]


def _counted(attempts: int) -> str:
    return f"{attempts:,} {'archive' if attempts == 1 else 'archives'}"
