"""Index sync: looks for outcomes and updates the vector store, every ten minutes and after changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import Change, ChangeFeed, Subscription, Topic

FIRST_SECONDS = 30.0
INTERVAL_SECONDS = 600.0
AFTER_CHANGES_SECONDS = 60.0
_LESSON_TOPICS = {Topic.ANALYSES, Topic.LESSONS, Topic.MARKET_CLOCK}
_NOW_AND_THEN, _AFTER_CHANGES = "outcomes", "outcomes of changed analyses"


class IndexSync:
    """Calls `look`, which must return at once: 30 s after the start, every 10 minutes, a minute after changes."""

    def __init__(
        self,
        look: Callable[[], None],
        feed: ChangeFeed,
        jobs: BackgroundJobs,
        first_seconds: float = FIRST_SECONDS,
        after_changes_seconds: float = AFTER_CHANGES_SECONDS,
    ) -> None:
        self._look = look
        self._feed = feed
        self._jobs = jobs
        self._first_seconds = first_seconds
        self._after_changes_seconds = after_changes_seconds
        self._changed = threading.Event()
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Begin; the background jobs may be started before or after."""
        self._jobs.every(INTERVAL_SECONDS, _NOW_AND_THEN, self._look, first_seconds=self._first_seconds)
        self._jobs.every(self._after_changes_seconds, _AFTER_CHANGES, self._after_changes)
        self._subscription = self._feed.subscribe(self._hear)

    def stop(self) -> None:
        """Look no more; stopping what never began is allowed."""
        if self._subscription is not None:
            self._subscription.close()
        self._jobs.forget(_NOW_AND_THEN)
        self._jobs.forget(_AFTER_CHANGES)

    def _hear(self, change: Change) -> None:
        if change.of(_LESSON_TOPICS):
            self._changed.set()

    def _after_changes(self) -> None:
        if self._changed.is_set():
            self._changed.clear()
            self._look()
