"""The console's one scheduler of real time: APScheduler with its memory store; what is due stands in our own rows."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

log = logging.getLogger(__name__)
THREADS = 4


@dataclass(frozen=True)
class _Job:
    name: str
    work: Callable[[], None]
    every_seconds: float
    first_seconds: float


class Clockwork:
    """Calls jobs, each never twice at once, on a few threads of its own; a late or missed call is one call.

    A job that raises is logged and called again at its next time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._scheduler: Any = None

    def every(self, seconds: float, name: str, work: Callable[[], None], *, first_seconds: float | None = None) -> None:
        """Call `work` again and again; `first_seconds` after the start for the first time, else after one interval."""
        job = _Job(name, work, seconds, seconds if first_seconds is None else first_seconds)
        with self._lock:
            self._jobs[name] = job
            self._add(job)

    def at(self, instant: datetime, name: str, work: Callable[[], None]) -> None:
        """Call `work` once at this real instant, instead of when it was asked for before under the same name."""
        with self._lock:
            if self._scheduler is not None:
                self._scheduler.add_job(work, "date", run_date=instant, id=name, replace_existing=True)

    def forget(self, name: str) -> None:
        """Do not call this job any more; forgetting what was never asked for is allowed."""
        with self._lock:
            self._jobs.pop(name, None)
            if self._scheduler is not None and self._scheduler.get_job(name) is not None:
                self._scheduler.remove_job(name)

    @property
    def alive(self) -> bool:
        """Whether the scheduler's thread lives."""
        scheduler = self._scheduler
        thread = getattr(scheduler, "_thread", None) if scheduler is not None else None
        return thread is not None and thread.is_alive()

    def start(self) -> None:
        """Begin, with the jobs that were asked for so far; once started again, it begins anew with the same jobs."""
        from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: PLC0415 - not for a command's start
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415

        self.stop()
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        with self._lock:
            self._scheduler = BackgroundScheduler(
                timezone=UTC, job_defaults=defaults, executors={"default": ThreadPoolExecutor(THREADS)}
            )
            for job in self._jobs.values():
                self._add(job)
            self._scheduler.start()

    def stop(self) -> None:
        """Call nothing any more; stopping what never began is allowed."""
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and scheduler.running:
            scheduler.shutdown(wait=False)

    def _add(self, job: _Job) -> None:
        if self._scheduler is None:
            return
        self._scheduler.add_job(
            job.work,
            "interval",
            seconds=job.every_seconds,
            next_run_time=datetime.now(UTC) + timedelta(seconds=job.first_seconds),
            id=job.name,
            replace_existing=True,
        )
