"""Has outcomes looked for now and then, and soon after analyses have changed, on no loop that anybody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ba2_trade_platform.core.changes import Change, ChangeFeed, Subscription

FIRST_SECONDS = 30.0
INTERVAL_SECONDS = 600.0
AFTER_CHANGES_SECONDS = 60.0


class Keeper:
    """Calls `look`, which must return at once: 30 s after the start, every 10 minutes, a minute after changes."""

    def __init__(
        self,
        look: Callable[[], None],
        feed: ChangeFeed,
        first_seconds: float = FIRST_SECONDS,
        after_changes_seconds: float = AFTER_CHANGES_SECONDS,
    ) -> None:
        self._look = look
        self._feed = feed
        self._first_seconds = first_seconds
        self._after_changes_seconds = after_changes_seconds
        self._lock = threading.Lock()
        self._expected = False
        self._scheduler: Any = None
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Begin."""
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415 - not for a command's start

        # Late or missed looks are one look; nothing is stored, for the database says what is due.
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
        self._scheduler.add_job(
            self._look, "interval", seconds=INTERVAL_SECONDS, next_run_time=_in(self._first_seconds), id="look"
        )
        self._scheduler.start()
        self._subscription = self._feed.subscribe(self._changed)

    def stop(self) -> None:
        """Look no more; stopping what never began is allowed."""
        if self._subscription is not None:
            self._subscription.close()
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    def _changed(self, _: Change) -> None:
        with self._lock:
            if self._expected or self._scheduler is None:
                return
            self._expected = True
            self._scheduler.add_job(self._after_changes, "date", run_date=_in(self._after_changes_seconds))

    def _after_changes(self) -> None:
        with self._lock:
            self._expected = False
        self._look()


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
