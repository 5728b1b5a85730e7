"""Background jobs: APScheduler without a store, for our own rows alone say when work is due (docs/decisions/0017)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ba2_trade_platform.core.base.errors import Unavailable

log = logging.getLogger(__name__)
THREADS = 16  # more than there are jobs, so that those that wait for a network or a disk hold up no schedule


@dataclass(frozen=True)
class _Job:
    name: str
    work: Callable[[], None]
    every_seconds: float
    first_seconds: float
    turn: threading.Lock

    def call(self) -> None:
        """Call it unless it is at work: what a scheduler began that was replaced since may still be."""
        if self.turn.acquire(blocking=False):
            try:
                _call(self.name, self.work)
            finally:
                self.turn.release()


@dataclass(frozen=True)
class _OneOff:
    name: str
    work: Callable[[], None]
    run_at: datetime


class BackgroundJobs:
    """Calls jobs, each never twice at once, on a few threads of its own; a late or missed call is one call.

    A job that raises is logged and called again at its next time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._one_offs: dict[str, _OneOff] = {}
        self._scheduler: Any = None

    def every(self, seconds: float, name: str, work: Callable[[], None], *, first_seconds: float | None = None) -> None:
        """Call `work` again and again; `first_seconds` after the start for the first time, else after one interval."""
        with self._lock:
            present = self._jobs.get(name)
            turn = present.turn if present else threading.Lock()
            first = seconds if first_seconds is None else first_seconds
            self._jobs[name] = _Job(name, work, seconds, first, turn)
            self._add(self._jobs[name])

    def run_at(self, run_at: datetime, name: str, work: Callable[[], None]) -> None:
        """Call `work` once at this real instant, instead of when it was asked for before under the same name."""
        with self._lock:
            self._one_offs[name] = _OneOff(name, work, run_at)
            self._add(self._one_offs[name])

    def forget(self, name: str) -> None:
        """Do not call this job any more; forgetting what was never asked for is allowed."""
        with self._lock:
            self._jobs.pop(name, None)
            self._one_offs.pop(name, None)
            if self._scheduler is not None and self._scheduler.get_job(name) is not None:
                self._scheduler.remove_job(name)

    @property
    def alive(self) -> bool:
        """Whether the scheduler's thread lives."""
        thread = getattr(self._scheduler, "_thread", None)
        return thread is not None and thread.is_alive()

    def start(self) -> None:
        """Begin, with what was asked for so far; once started again, it begins anew with what is still to be called."""
        from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: PLC0415 - not for a command's start
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415

        self.stop()
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        with self._lock:
            self._scheduler = BackgroundScheduler(
                timezone=UTC, job_defaults=defaults, executors={"default": ThreadPoolExecutor(THREADS)}
            )
            waiting: list[_Job | _OneOff] = [*self._jobs.values(), *self._one_offs.values()]
            for job in waiting:
                self._add(job)
            self._scheduler.start()

    def stop(self) -> None:
        """Call nothing any more; stopping what never began is allowed."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and scheduler.running:
            scheduler.pause()
            scheduler.remove_all_jobs()  # after the look that is under way: its thread would die of a stop amid it
            scheduler.shutdown(wait=False)

    def _add(self, job: _Job | _OneOff) -> None:
        if self._scheduler is None:
            return
        if isinstance(job, _OneOff):
            self._scheduler.add_job(
                self._run_one_off, "date", args=(job,), run_date=job.run_at, id=job.name, replace_existing=True
            )
        else:
            first = datetime.now(UTC) + timedelta(seconds=job.first_seconds)
            self._scheduler.add_job(
                job.call, "interval", seconds=job.every_seconds, next_run_time=first, id=job.name, replace_existing=True
            )

    def _run_one_off(self, one_off: _OneOff) -> None:
        with self._lock:
            if self._one_offs.get(one_off.name) is not one_off:
                return
            del self._one_offs[one_off.name]
        _call(one_off.name, one_off.work)


def _call(name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Unavailable as error:  # the database's fault, and no bug of the job
        log.warning("The job %s waits: %s", name, error)
