"""Store: opens read transactions, write transactions and commands, and publishes their changes."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.access import PermissionCheck
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.base.clocks import Clock, SystemClock
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.idempotency import take_key
from ba2_trade_platform.core.base.transactions import Command, Transaction
from ba2_trade_platform.db.engine import BUSY_TIMEOUT_MS, WRITES
from ba2_trade_platform.db.held_file import HeldFile

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Transaction)
DAMAGED = "DATABASE_DAMAGED"
MISSING = "DATABASE_MISSING"
RESTORE = (
    "stop the console and bring a backup back with `python -m ba2_trade_platform backup restore FILE`; "
    "`python -m ba2_trade_platform backup list` names them"
)
_DAMAGE = re.compile("malformed|not a database")
STORAGE_ERRORS = (OperationalError, PoolTimeoutError)


class Store:
    """Opens transactions on the database and publishes their changes."""

    def __init__(
        self, engine: Engine, feed: ChangeFeed, check_permission: PermissionCheck, clock: Clock | None = None
    ) -> None:
        self.engine = engine
        self.feed = feed
        self.check_permission = check_permission
        self.clock: Clock = clock or SystemClock()
        self.commits = 0
        self.damage: str | None = None  # what was said of a damaged file; it stays damaged until it is restored
        self._held_file = HeldFile(engine)
        self._lost = False
        self._writer = engine.execution_options(**WRITES)
        self._listeners: list[Callable[[], None]] = []
        self._watcher: Connection | None = None
        self._closing = False
        self._turn = threading.Lock()

    def hold_file(self) -> None:
        """Take the file that lies there now for the database of this console, and serve from no other."""
        self._held_file.hold()

    def require_file(self) -> None:
        """Raise Unavailable once the file of this console was deleted or replaced, and for ever after.

        What was written to a deleted file would be taken and lost, and half of the connections would see another desk.
        """
        if not self._lost:
            try:
                loss = self._held_file.loss()
            except OSError as error:
                raise Unavailable(f"the database's file cannot be looked at: {error.strerror}") from error
            if loss is None:
                return
            self.damage = f"the database's file {loss} while the console worked, nothing is kept any more: {RESTORE}"
            self._lost = True
            log.error("%s", self.damage)
            self._held_file.set_log_aside()
        raise Unavailable(str(self.damage), code=MISSING)

    def _unavailable(self, error: OperationalError | PoolTimeoutError) -> Unavailable:
        try:
            self.require_file()  # SQLite has many words for it
        except Unavailable as lost:
            return lost
        found = unavailable(error)
        if found.code == DAMAGED:
            self.damage = str(found)
        return found

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` after every commit that made work or took it away."""
        self._listeners.append(wake)

    def close(self) -> None:
        """Accept no more commands; what the worker still has to write is written."""
        self._closing = True

    def dispose(self) -> None:
        """Close every connection."""
        if self._watcher is not None:
            self._watcher.close()
        self.engine.dispose()
        self._held_file.set_log_aside()  # the connections have left it behind

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read transaction; raises Unavailable when the database cannot be read."""
        self.require_file()
        try:
            with Session(self.engine) as session:
                yield session
        except STORAGE_ERRORS as error:
            raise self._unavailable(error) from error

    @contextmanager
    def watch(self) -> Iterator[Connection]:
        """Read on one connection that stays the same, for only there can SQLite tell that others have written.

        One caller only, the worker's database thread.
        """
        self.require_file()
        try:
            if self._watcher is None:
                self._watcher = self.engine.connect()
            with self._watcher.begin():
                yield self._watcher
        except STORAGE_ERRORS as error:
            raise self._unavailable(error) from error

    def check(self) -> None:
        """Take the write lock and let go of it; raises Unavailable when the database cannot be written just now."""
        self.require_file()
        try:
            with self._writer.begin():
                pass
        except STORAGE_ERRORS as error:
            raise self._unavailable(error) from error

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

    def write(self, *, internal: bool = False) -> AbstractContextManager[Transaction]:
        """Open a write transaction that commits when the block ends and rolls back when it raises.

        `internal`: the console's own book-keeping, which wakes no worker and goes on while the console stops. Raises
        Unavailable when the database is locked or full; then nothing was changed.
        """
        return self._unit_of_work(Transaction, internal=internal)

    def command(self, by: Actor, action: Action, subject: Subject) -> AbstractContextManager[Command]:
        """Open the write transaction of a verb, once its actor is found to be permitted it.

        Raises Unavailable as `write` does, and what the permission check raises.
        """
        self.check_permission(by, action, subject)
        return self._unit_of_work(lambda session: self._begin(Command(session, self.clock.now(), by, action, subject)))

    def _begin(self, command: Command) -> Command:
        take_key(command)
        return command

    @contextmanager
    def _unit_of_work(self, begin: Callable[[Session], T], *, internal: bool = False) -> Iterator[T]:
        if self._closing and not internal:
            raise Unavailable("the console is stopping")
        self.require_file()
        try:
            with self._in_turn(), Session(self._writer) as session, session.begin():
                transaction = begin(session)
                yield transaction
                self.require_file()  # nothing is said to be done that went into a file deleted meanwhile
                # Counted before others can see the commit, or the watcher would take it for another program's.
                self.commits += 1
        except STORAGE_ERRORS as error:
            raise self._unavailable(error) from error
        if transaction.change is not None:
            self.feed.publish(transaction.change)
        for act in transaction.afterwards:
            try:
                act()
            except Exception:  # what was committed stands, whoever fails to hear of it
                log.exception("What follows a commit failed; what was committed stands")
        if transaction.makes_work and not internal:
            for wake in self._listeners:
                wake()


def unavailable(error: OperationalError | PoolTimeoutError) -> Unavailable:
    """Return why the database cannot serve just now, in plain words."""
    if isinstance(error, PoolTimeoutError):
        return Unavailable("the database has no free connection")
    text = str(error.orig)
    if _DAMAGE.search(text):
        return Unavailable(f"the database is damaged ({text}): {RESTORE}", code=DAMAGED)
    known = (
        ("locked|busy", "the database is locked by another program"),
        ("full", "the disk is full"),
        ("readonly", "the database is read-only"),
    )
    return Unavailable(
        next((words for sign, words in known if re.search(sign, text)), f"the database answered: {text}")
    )
