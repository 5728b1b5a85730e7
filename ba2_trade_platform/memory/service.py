"""Memory service: finds lessons by likeness and rebuilds the index; its trouble stops nothing else.

Decision record: docs/decisions/0013.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from ba2_trade_platform.core.base.access import PermissionCheck, needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.base.errors import PlatformError, Refused, SwitchedOff
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.lessons import Learner, Learnt, LessonBook, LessonFilter, LessonRow
from ba2_trade_platform.memory.index_sync import IndexSync
from ba2_trade_platform.memory.single_thread import SingleThread
from ba2_trade_platform.memory.store import BATCH, Entry, Scope, VectorStore
from ba2_trade_platform.vocabulary import ErrorCode

log = get_logger(__name__)
T = TypeVar("T")
PATIENCE_SECONDS = 30.0  # after trouble nobody tries again sooner, so that no analysis waits for the same failure
FoundBy = Literal["similarity", "text"]
ANSWER_SECONDS = 60.0
TURN_SECONDS = 1.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class MemoryStatus:
    """How the memory stands. `stored` is what the store held when it was last asked, None before that.

    While it is rebuilt or filled up, `done` of `total` lessons are in.
    """

    enabled: bool
    embedder: str
    lessons: int
    stored: int | None
    rebuilding: bool
    done: int
    total: int
    problem: str | None

    @property
    def sentence(self) -> str:
        """Say how it stands and what to do about it."""
        if not self.enabled:
            return "The memory is switched off: BA2_MEMORY is 0"
        if self.rebuilding:
            return f"The memory is being rebuilt: {self.done:,} of {self.total:,} lessons are in"
        if self.problem:
            return f"{self.problem}. Analyses go on without memory; Rebuild makes the store anew from the database"
        if self.stored is None:
            return f"{self.lessons:,} lessons in the database; the store has not been needed yet"
        return f"{self.stored:,} of {self.lessons:,} lessons are in the store ({self.embedder})"


@dataclass(frozen=True)
class Found:
    """Lessons for a search, and how they were found; `warning` says why not by likeness."""

    items: tuple[LessonRow, ...]
    found_by: FoundBy
    warning: str | None = None
    next_cursor: int | None = None


class LessonMemory:
    """Learns, finds, forgets and rebuilds. Blocking; thread-safe. Without a store the memory is switched off."""

    def __init__(
        self,
        lessons: LessonBook,
        learning: Learner,
        check_permission: PermissionCheck,
        store: VectorStore | None,
        embedder: str,
        problem: str | None = None,
    ) -> None:
        self.lessons = lessons
        self.check_permission = check_permission
        self._learning = learning
        self._store = store
        self._embedder = embedder
        self._thread = SingleThread("memory")
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # one filling or rebuilding at a time
        self._stopping = threading.Event()
        self._rebuilding = False
        self._filled = False
        self._done = self._total = 0
        self._stored: int | None = None
        self._problem = problem
        self._again_at = 0.0
        self._index_sync: IndexSync | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything is remembered at all."""
        return self._store is not None

    def status(self) -> MemoryStatus:
        """Return how the memory stands; asks the database only."""
        return MemoryStatus(
            enabled=self.enabled,
            embedder=self._embedder,
            lessons=self.lessons.count(),
            stored=self._stored,
            rebuilding=self._rebuilding,
            done=self._done,
            total=self._total,
            problem=self._problem,
        )

    def nearest(self, text: str, limit: int, scope: Scope) -> Future[list[LessonRow]]:
        """Have lessons found by likeness, the most similar first; the future raises ExpertError MEMORY_STORE.

        What the store says is looked up in the database, which is the truth.
        """
        return self._thread.submit(lambda: self._nearest(text, limit, scope))

    def search(self, wanted: LessonFilter, cursor: int | None = None, limit: int = 100) -> Found:
        """Return lessons: like `wanted.text` where the store works, containing it where not, else all, newest first."""
        warning = None
        if wanted.text and self.enabled and cursor is None:
            scope = Scope(symbol=wanted.symbol, action=wanted.action)
            try:
                like = self._wait(self.nearest(wanted.text, limit, scope))
                return Found(tuple(like), "similarity", self.filling())
            except ExpertError as error:
                warning = f"Found by their words, not by likeness: {error}"
        page = self.lessons.list(wanted, cursor, limit)
        return Found(page.items, "text", warning, page.next_cursor)

    def filling(self) -> str | None:
        """Say that not all lessons are in the store yet, None when they are."""
        if self._filled or self._done >= self._total:
            return None
        return f"The memory is still being filled: {self._done:,} of {self._total:,} lessons are in"

    def learn(self) -> Learnt:
        """Look for outcomes now. Raises SwitchedOff or Unavailable."""
        self._require()
        learnt = self._learning.learn()
        if learnt.lessons <= BATCH and self._turn.acquire(timeout=TURN_SECONDS):
            self._take_turn(self._fill)  # so that who looked and then analyses recalls what was learnt
        else:
            self.fill_soon()
        return learnt

    def fill_soon(self) -> None:
        """Bring the store up to date in the background."""
        self._in_background(self._fill)

    def delete(self, lesson_id: int, *, by: Actor) -> None:
        """Take a lesson away for good: it is neither recalled nor learnt again. Raises NotFound."""
        self.lessons.delete(lesson_id, by=by)
        self._filled = False
        self.fill_soon()

    def restore(self, lesson_id: int, *, by: Actor) -> None:
        """Bring a deleted lesson back. Raises NotFound."""
        self.lessons.restore(lesson_id, by=by)
        self._filled = False
        self.fill_soon()

    @needs(Action.REBUILD, Subject.LESSON_INDEX)
    def rebuild(self, *, by: Actor) -> MemoryStatus:
        """Make the store anew from the database, in the background. Raises SwitchedOff, or Refused while it is.

        A store in trouble is moved aside and kept, one without is replaced.
        """
        self._require()
        total = self.lessons.count()
        with self._lock:
            under_way, self._rebuilding = self._rebuilding, True
            if not under_way:
                self._stored, self._done, self._total = None, 0, total
        if under_way:
            raise Refused(self.status().sentence)
        log.info("%s has the memory rebuilt: %d lessons", by, self._total)
        threading.Thread(target=self._rebuild, name="memory-rebuild", daemon=True).start()
        return self.status()

    def start(self, feed: ChangeFeed, jobs: BackgroundJobs) -> None:
        """Look for outcomes now and then, and soon after `feed` told of changes."""
        if self.enabled:
            self._index_sync = IndexSync(partial(self._in_background, self._look), feed, jobs)
            self._index_sync.start()

    def stop(self) -> None:
        """Look no more and close the store; waits a few seconds at most."""
        self._stopping.set()
        if self._index_sync is not None:
            self._index_sync.stop()
        if self._store is not None and not self._thread.stop(STOP_SECONDS, last=self._store.close):
            log.warning("The memory store did not close within %g s; it heals at the next start", STOP_SECONDS)

    def _require(self) -> VectorStore:
        if self._store is None:
            raise SwitchedOff("The memory is switched off: BA2_MEMORY is 0")
        return self._store

    def _in_background(self, work: Callable[[], None]) -> None:
        """Begin `work` unless other such work is under way: that one, or the next look, does as well."""
        if self.enabled and not self._stopping.is_set() and self._turn.acquire(blocking=False):
            threading.Thread(target=self._take_turn, args=(work,), name="memory-look", daemon=True).start()

    def _take_turn(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (ExpertError, PlatformError) as error:
            log.warning("The memory could not be brought up to date: %s", error)
        finally:
            self._turn.release()

    def _look(self) -> None:
        self._learning.learn()
        self._fill()

    def _rebuild(self) -> None:
        store = self._require()
        with self._turn:
            try:
                self._filled = False
                broken, self._problem, self._again_at = self._problem is not None, None, 0.0
                aside = self._wait(self._thread.submit(lambda: store.start_anew(keep=broken)))
                if aside is not None:
                    log.warning("The old memory store was moved aside to %s", aside)
                self._fill()
                log.info("The memory was rebuilt: %d lessons", self._done)
            except (ExpertError, PlatformError) as error:
                self._problem = str(error)
                log.warning("The memory could not be rebuilt: %s", error)
            finally:
                self._rebuilding = False

    def _fill(self) -> None:
        """Make the store hold exactly the database's lessons; a store that was cut off in mid-write heals by this."""
        known = {_key(lesson_id, created_at): lesson_id for lesson_id, created_at in self.lessons.stamps()}
        if not known and self._stored is None:
            self._filled = True
            return  # nothing to find: not worth opening
        store = self._require()
        stored = self._ask(store.keys)
        self._total, self._done = len(known), len(known.keys() & stored)
        for strangers in _batches(sorted(stored - known.keys())):
            self._ask(partial(store.delete, strangers))
        for missing in _batches([known[key] for key in known if key not in stored]):
            if self._stopping.is_set():
                return
            entries = [_entry(row) for row in self.lessons.by_ids(missing).values()]
            if entries:
                self._ask(partial(store.upsert, entries))
            self._done += len(entries)
        self._stored = self._ask(store.count)
        self._filled = True

    def _nearest(self, text: str, limit: int, scope: Scope) -> list[LessonRow]:
        store = self._require()
        total = self.lessons.count()
        if not total:
            return []
        if not self._filled:
            self._stored = self._done = self._guarded(store.count)
            self._total = total
            self.fill_soon()
        near = self._guarded(lambda: store.nearest(text, 2 * limit + 8, scope))
        rows = {_key(row.id, row.created_at): row for row in self.lessons.by_ids([*map(_id, near)]).values()}
        allowed = [
            replace(row, similarity=similarity)
            for key, similarity in near.items()
            if (row := rows.get(key)) is not None
            and (scope.known_by is None or row.known_at <= scope.known_by)
            and row.analysis_id != scope.not_of
        ]
        return allowed[:limit]

    def _ask(self, work: Callable[[], T]) -> T:
        return self._wait(self._thread.submit(lambda: self._guarded(work)))

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do `work` with the store, unless it was in trouble a moment ago; remember its trouble."""
        if self._problem is not None and time.monotonic() < self._again_at:
            raise ExpertError(ErrorCode.MEMORY_STORE, self._problem)
        try:
            result = work()
        except ExpertError as error:
            if self._problem != str(error):
                log.warning("%s", error)
            self._problem, self._again_at = str(error), time.monotonic() + PATIENCE_SECONDS
            self._filled = False
            raise
        self._problem = None
        return result

    @staticmethod
    def _wait(answer: Future[T]) -> T:
        try:
            return answer.result(ANSWER_SECONDS)
        except TimeoutError as error:
            sentence = f"The memory store did not answer within {ANSWER_SECONDS:g} s"
            raise ExpertError(ErrorCode.MEMORY_STORE, sentence) from error


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _key(lesson_id: int, created_at: datetime) -> str:
    """Name a lesson so that the store of another database, or of an older copy of it, is never taken for this one."""
    return f"{lesson_id}-{created_at:%Y%m%dT%H%M%S%f}"


def _id(key: str) -> int:
    number = key.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _entry(row: LessonRow) -> Entry:
    key = _key(row.id, row.created_at)
    return Entry(key, row.situation, row.analysis_id, row.known_at, row.symbol, row.action.value)
