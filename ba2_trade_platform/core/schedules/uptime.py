"""Uptime: records when the console ran, so that a missed run can name the outage that caused it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t

BEAT_SECONDS = 15.0
# Longer than this between two beats, and the machine slept or the clock was set: that is an outage too.
GONE = timedelta(seconds=60)
_P = t.process_run.c


@dataclass(frozen=True)
class Outage:
    """From when until when the console was not there; `was_stopped` False: it was killed, slept, or lost its clock."""

    start: datetime
    end: datetime
    was_stopped: bool


class Uptime:
    """One row a process run of this console. Thread-safe."""

    def __init__(self, store: Store, version: str) -> None:
        self._store = store
        self._version = version
        self._lock = threading.RLock()
        self._process_run: int | None = None
        self._seen_at: datetime | None = None
        self.set_back = False  # whether the clock was, since somebody last looked after that

    def begin(self) -> None:
        """Begin a process run; the database is locked for it."""
        with self._lock:
            now = self._store.clock.now()
            new = {"started_at": now, "seen_at": now, "pid": os.getpid(), "version": self._version[:40]}
            with self._store.write(internal=True) as transaction:
                last = transaction.session.scalar(select(_P.seen_at).order_by(_P.id.desc()).limit(1))
                self.set_back = self.set_back or (last is not None and last - now > GONE)
                self._process_run = transaction.session.scalar(insert(t.process_run).values(**new).returning(_P.id))
            self._seen_at = now

    def beat(self) -> None:
        """Say that the console is still there; after a sleep or a set clock a new process run begins."""
        with self._lock:
            now = self._store.clock.now()
            if self._process_run is None or self._seen_at is None or abs(now - self._seen_at) > GONE:
                self.begin()
            elif now > self._seen_at:
                self._write(seen_at=now)
                self._seen_at = now

    def end(self) -> None:
        """End this process run; ending what never began is allowed."""
        with self._lock:
            if self._process_run is not None:
                now = self._store.clock.now()
                self._write(seen_at=now, stopped_at=now)
                self._process_run = None

    def _write(self, **values: datetime) -> None:
        with self._store.write(internal=True) as transaction:
            transaction.session.execute(update(t.process_run).where(_P.id == self._process_run).values(**values))


def outages(session: Session, first: datetime, until: datetime) -> Sequence[Outage]:
    """Return when the console was not there between these instants, oldest first."""
    before = select(func.max(_P.id)).where(_P.started_at <= first).scalar_subquery()
    process_runs = session.execute(
        select(_P.started_at, _P.seen_at, _P.stopped_at)
        .where(_P.id >= func.coalesce(before, 0), _P.started_at <= until)
        .order_by(_P.id)
    ).all()
    gaps = []
    for process_run, following in pairwise(process_runs):
        end = process_run.stopped_at or process_run.seen_at
        if following.started_at > end and following.started_at > first and end < until:
            gaps.append(Outage(end, following.started_at, process_run.stopped_at is not None))
    return gaps


def outage_at(gaps: Sequence[Outage], instant: datetime, patience: timedelta) -> Outage | None:
    """Return the outage during which something due at `instant` had to wait for longer than `patience`."""
    return next((gap for gap in gaps if gap.start <= instant + patience and instant < gap.end), None)
