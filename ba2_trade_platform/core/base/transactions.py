"""Transaction (unit of work): one commit for each request, and subscribers hear of it only after that commit."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.change_feed import Change, ChangeFeed
from ba2_trade_platform.core.base.clocks import Clock, SystemClock
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.db.engine import BUSY_TIMEOUT_MS, WRITES

log = logging.getLogger(__name__)


class Committed(Protocol):
    """Whoever wants to be woken after a commit that made or took away work."""

    def committed(self) -> None:
        """Look for work."""


class Transaction:
    """One write transaction and what to tell others once it is committed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: set[int] = set()
        self.added: set[int] = set()
        self.everything = False
        self.afterwards: list[Callable[[], None]] = []

    def then(self, act: Callable[[], None]) -> None:
        """Do this once the transaction is committed, and not at all when it is not: counting, logging, telling."""
        self.afterwards.append(act)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block did when it raises, and forget what was to follow the commit of it."""
        kept = len(self.afterwards)
        try:
            with self.session.begin_nested():
                yield
        except BaseException:
            del self.afterwards[kept:]
            raise

    def touch(self, *analysis_ids: int) -> None:
        """Say that these analyses changed."""
        self.changed.update(analysis_ids)

    def add(self, *analysis_ids: int) -> None:
        """Say that these analyses are new."""
        self.added.update(analysis_ids)


class Store:
    """Opens transactions on the database and publishes what they changed."""

    def __init__(self, engine: Engine, feed: ChangeFeed, clock: Clock | None = None) -> None:
        self.engine = engine
        self.feed = feed
        self.clock: Clock = clock or SystemClock()
        self.commits = 0
        self._writer = engine.execution_options(**WRITES)
        self._listeners: list[Committed] = []
        self._watcher: Connection | None = None
        self._closing = False
        self._turn = threading.Lock()

    def on_commit(self, listener: Committed) -> None:
        """Wake `listener` after every commit of a service."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Accept no more wishes; what the worker still has to write is written."""
        self._closing = True

    def dispose(self) -> None:
        """Close every connection."""
        if self._watcher is not None:
            self._watcher.close()
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read transaction; raises Unavailable when the database cannot be read."""
        with explained(), Session(self.engine) as session:
            yield session

    @contextmanager
    def watch(self) -> Iterator[Connection]:
        """Read on one connection that stays the same, for only there can SQLite tell that others have written.

        One caller only, the worker's database thread.
        """
        with explained():
            if self._watcher is None:
                self._watcher = self.engine.connect()
            with self._watcher.begin():
                yield self._watcher

    def check(self) -> None:
        """Take the write lock and let go of it; raises Unavailable when the database cannot be written just now."""
        with explained(), self._writer.begin():
            pass

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait for the other writers of this process in a queue.

        SQLite's own waiting is to try again now and then: beside a worker that writes tick after tick, a person's
        write was seen to wait for three seconds.
        """
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise Unavailable("the database is locked by another program")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def write(self, *, wake: bool = True) -> Iterator[Transaction]:
        """Open a write transaction that commits when the block ends and rolls back when it raises.

        `wake` False: whoever looks for work need not look, for it is the worker itself that writes. Raises
        Unavailable when the database is locked or full; then nothing was changed.
        """
        if self._closing and wake:
            raise Unavailable("the console is stopping")
        with explained(), self._in_turn(), Session(self._writer) as session, session.begin():
            transaction = Transaction(session)
            yield transaction
            # Counted before others can see the commit, or the watcher would take it for another program's.
            self.commits += 1
        ids = None if transaction.everything else frozenset(transaction.changed | transaction.added)
        if ids is None or ids:
            self.feed.publish(Change(ids, frozenset(transaction.added)))
        for act in transaction.afterwards:
            try:
                act()
            except Exception:
                log.exception("What follows a commit failed; what was committed stands")
        for listener in self._listeners if wake else ():
            listener.committed()


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the database cannot do just now into Unavailable with a sentence."""
    try:
        yield
    except OperationalError as error:
        raise Unavailable(storage_sentence(error)) from error
    except PoolTimeoutError as error:
        raise Unavailable("the database has no free connection") from error


def storage_sentence(error: OperationalError) -> str:
    """Return why the database cannot serve, in plain words."""
    text = str(error.orig)
    if re.search("locked|busy", text):
        return "the database is locked by another program"
    if "full" in text:
        return "the disk is full"
    if "readonly" in text:
        return "the database is read-only"
    return f"the database answered: {text}"


def violates(error: IntegrityError, table: Table, *columns: str) -> bool:
    """Tell whether `error` is the refusal of exactly this unique index, so that no other error is taken for it."""
    wanted = ", ".join(f"{table.name}.{column}" for column in columns)
    return str(error.orig) == f"UNIQUE constraint failed: {wanted}"
