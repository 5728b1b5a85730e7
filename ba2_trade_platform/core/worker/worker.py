"""Worker: runs experts on an event loop in a thread of its own, so that none can freeze the pages.

Decision record: docs/decisions/0001.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import bindparam

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.observability.loop_lag import LoopLag
from ba2_trade_platform.core.worker.buffers import WriteBatch
from ba2_trade_platform.core.worker.claims import BULK_PRIORITY
from ba2_trade_platform.core.worker.jobs import Job, WorkerEnvironment
from ba2_trade_platform.core.worker.tick import Plan, Tick, Ticked
from ba2_trade_platform.db.dialect_text import hint, statement
from ba2_trade_platform.db.engine import data_version
from ba2_trade_platform.db.types import UtcDateTime

log = logging.getLogger(__name__)
T = TypeVar("T")

RENEW_EVERY = 10.0
POLL_EVERY = 1.0
PROGRESS_EVERY = 0.05
MAX_BACK_OFF = 5.0
_DUE = statement(
    "SELECT EXISTS (SELECT 1 FROM market_analysis WHERE status = 'pending' AND NOT held AND available_at <= :now"
    " AND (retry_provider"
    " IS NULL OR retry_provider NOT IN (SELECT provider FROM breaker WHERE state <> 'closed'))) AS claimable,"
    " EXISTS (SELECT 1 FROM market_analysis WHERE status = 'running' AND lease_until < :now)"
    f" OR EXISTS (SELECT 1 FROM market_analysis{hint('ix_market_analysis_run_before')}"
    " WHERE status = 'pending' AND run_before < :now)"
    " OR EXISTS (SELECT 1 FROM breaker WHERE state <> 'closed' AND (state = 'draining' OR probe_at <= :now))"
    " OR EXISTS (SELECT 1 FROM batch WHERE finished_at IS NULL AND state IN ('canary', 'running')"
    " AND next_at <= :now) AS overdue"
).bindparams(bindparam("now", type_=UtcDateTime))


def worker_id() -> str:
    """Return a name for this process that a person can find: host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass(frozen=True)
class WorkerStatus:
    """What the worker is doing, for the top strip, the queue's API and health."""

    running: bool = False
    slots: int = 0
    busy: int = 0
    paused: bool = False
    stopping: frozenset[int] = frozenset()
    storage_problem: str | None = None
    stale_results: int = 0
    rescued: int = 0


class ExpertWorker:
    """Claims pending analyses, runs their experts and writes down what they do."""

    def __init__(self, store: Store, tick: Tick, environment: WorkerEnvironment, stop_seconds: float) -> None:
        self._store = store
        self._tick = tick
        self._environment = environment
        self._stop_seconds = stop_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._wake = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._jobs: list[Job] = []
        self._write_batches: list[WriteBatch] = []  # taken from jobs and not yet committed
        self._booted = False
        self._renewed_at = 0.0
        self._version = 0  # SQLite's data_version, and the store's own commits, after the last tick or look
        self._commits = 0
        self._stopping = False
        self._database: ThreadPoolExecutor | None = None
        self.status = WorkerStatus()
        self.lag = LoopLag()

    def start(self) -> None:
        """Begin to work, in a thread of its own; what a dead worker left is rescued first."""
        self._thread = threading.Thread(target=self._live, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hand back what runs and leave; waits for experts that do not stop, for the given seconds at most."""
        if self._thread is None:
            return
        self._stopping = True
        self.committed()
        self._thread.join(2 * self._stop_seconds + MAX_BACK_OFF)
        self._thread = None

    def committed(self) -> None:
        """Look for work; callable from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake.set)

    def _live(self) -> None:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            main = loop.create_task(self._main())
            while not main.done():
                try:
                    loop.run_until_complete(main)
                except (SystemExit, KeyboardInterrupt) as error:
                    # asyncio lets these two out of a task that an expert made; the loop goes on where it was.
                    log.warning("A task of an expert raised %s; the worker goes on", type(error).__name__)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="database")
        back_off = 0.0
        sampler = asyncio.create_task(self.lag.run())
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    more = await self._turn()
                    back_off = 0.0
                    if not more:
                        await self._something_to_do()
                except Exception as error:  # noqa: BLE001 - the one place that must outlive every error
                    self._trouble(error)
                    back_off = min(MAX_BACK_OFF, max(0.1, back_off * 2))
                    await asyncio.sleep(back_off)
            await self._leave()
        finally:
            sampler.cancel()
            self._database.shutdown(wait=False)

    async def _in_database(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._database, work, *arguments)

    async def _something_to_do(self) -> None:
        """Wait for a commit, a result, a time that has come, or another program's write."""
        while not self._stopping:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_EVERY):
                    await self._wake.wait()
                return
            if self._jobs and time.monotonic() - self._renewed_at > RENEW_EVERY:
                return
            version, claimable, overdue = await self._in_database(self._look)
            if version != self._version and self._store.commits == self._commits:
                # Another program wrote: whatever is on screen may be old.
                self._store.feed.publish(ANYTHING)
                return
            if (
                overdue
                or self._tick.is_set_back(self._environment.clock.now())
                or (claimable and not self.status.paused and self.status.busy < self.status.slots)
            ):
                return
            self._commits, self._version = self._store.commits, version

    def _look(self) -> tuple[int, bool, bool]:
        """Return SQLite's data_version, which others' commits change, and whether claims, or rescues, are due."""
        with self._store.watch() as connection:
            version = data_version(connection)
            due = connection.execute(_DUE, {"now": self._environment.clock.now()}).one()
        return version, bool(due.claimable), bool(due.overdue)

    def _run(self, plan: Plan) -> Ticked:
        """Do a tick, and remember how it left the database: what others write after it shows in the next look."""
        ticked = self._tick.run(plan)
        if not ticked.more:
            self._commits = self._store.commits
            with suppress(Unavailable), self._store.watch() as connection:  # what the tick has claimed is to begin
                self._version = data_version(connection)
        return ticked

    async def _turn(self) -> bool:
        """Do one tick; return whether there is more to do at once."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        plan = self._plan()
        ticked = await self._in_database(self._run, plan)
        self._write_batches.clear()
        self._booted = self._booted or not ticked.more
        if plan.renew:
            self._renewed_at = time.monotonic()
        self._apply(ticked)
        return ticked.more

    def _plan(self, *, releasing: bool = False) -> Plan:
        """Take what the jobs have to write, and say what they occupy."""
        self._write_batches += [batch for job in self._jobs if not (batch := job.buffer.take()).empty]
        occupying = [job for job in self._jobs if job.occupies]
        running = [job for job in occupying if not job.buffer.closed]
        return Plan(
            write_batches=tuple(self._write_batches),
            running=[job.claim for job in running],
            busy=len(occupying),
            bulk_busy=sum(job.claim.priority >= BULK_PRIORITY for job in occupying),
            per_instance=Counter(job.claim.expert_instance_id for job in occupying),
            alone=any(job.claim.alone for job in occupying),
            now=self._environment.clock.now(),
            renew=bool(running) and time.monotonic() - self._renewed_at > RENEW_EVERY,
            boot=not self._booted,
            releasing=releasing,
        )

    def _apply(self, ticked: Ticked) -> None:
        lost = {claim.token for claim in ticked.lost}
        for job in self._jobs:
            if job.claim.token in lost:
                job.abandon("the analysis was cancelled")
        # One that ended while the tick was under way has still to be written.
        self._jobs = [job for job in self._jobs if job.occupies or not job.buffer.settled]
        self._jobs += [Job(claim, self._environment, self._written, self.committed) for claim in ticked.claims]
        if ticked.stale:
            log.warning("%s late results were discarded: their attempts had ended", ticked.stale)
        recovered = self.status.storage_problem is not None
        self.status = WorkerStatus(
            running=True,
            slots=ticked.slots,
            busy=len(self._jobs),
            paused=ticked.paused,
            stopping=frozenset(job.claim.analysis_id for job in self._jobs if job.stopping),
            stale_results=self.status.stale_results + ticked.stale,
            rescued=self.status.rescued + ticked.rescued,
        )
        if recovered:
            log.warning("The worker goes on")
            self._store.feed.publish(Change(frozenset({Topic.QUEUE})))

    def _written(self) -> None:
        """Have progress written soon; called by jobs, from any of their threads."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._write_soon)

    def _write_soon(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(PROGRESS_EVERY, self._wake.set)

    def _trouble(self, error: Exception) -> None:
        expected = isinstance(error, Unavailable)
        sentence = str(error) if expected else f"the worker met {type(error).__name__}: {error}"
        if self.status.storage_problem != sentence:
            log.log(
                logging.WARNING if expected else logging.ERROR,
                "The worker waits: %s; results are kept in memory and written later",
                sentence,
                exc_info=None if expected else error,
            )
            self.status = replace(self.status, storage_problem=sentence)
            self._store.feed.publish(Change(frozenset({Topic.QUEUE})))

    async def _leave(self) -> None:
        """Write what is done, queue again what is not, stop the experts, and wait a while for their threads."""
        deadline = time.monotonic() + self._stop_seconds
        plan = self._plan(releasing=True)
        while True:
            try:
                await self._in_database(self._tick.run, plan)
                break
            except Unavailable as error:
                self._trouble(error)
                if time.monotonic() > deadline:
                    log.warning("Leaving without handing back; the next start rescues what was running")
                    break
                await asyncio.sleep(0.2)
        for job in self._jobs:
            job.abandon("the console stops")
        while any(job.at_work for job in self._jobs) and (left := deadline - time.monotonic()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_EVERY)):
                    await self._wake.wait()
        self.status = replace(self.status, running=False, busy=0)
