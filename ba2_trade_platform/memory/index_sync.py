"""Index sync: looks for outcomes and updates the vector store, every ten minutes and after changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import Change, ChangeFeed, Subscription, Topic

INTERVAL_SECONDS = 600.0
_LESSON_TOPICS = (Topic.ANALYSES, Topic.LESSONS, Topic.MARKET_CLOCK)
_NOW_AND_THEN, _AFTER_CHANGES = "outcomes", "outcomes of changed analyses"


@dataclass
class IndexSync:
    """Calls `look`, which must return at once: 30 s after the start, every 10 minutes, a minute after changes."""

    look: Callable[[], None]
    feed: ChangeFeed
    jobs: BackgroundJobs
    first_seconds: float = 30.0
    after_changes_seconds: float = 60.0
    _changed: threading.Event = field(default_factory=threading.Event, init=False)
    _subscription: Subscription | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin; the background jobs may be started before or after."""
        self.jobs.every(INTERVAL_SECONDS, _NOW_AND_THEN, self.look, first_seconds=self.first_seconds)
        self.jobs.every(self.after_changes_seconds, _AFTER_CHANGES, self._after_changes)
        self._subscription = self.feed.subscribe(self._hear, *_LESSON_TOPICS)

    def stop(self) -> None:
        """Look no more; stopping what never began is allowed."""
        if self._subscription is not None:
            self._subscription.close()
        self.jobs.forget(_NOW_AND_THEN)
        self.jobs.forget(_AFTER_CHANGES)

    def _hear(self, _: Change) -> None:
        self._changed.set()

    def _after_changes(self) -> None:
        if self._changed.is_set():
            self._changed.clear()
            self.look()
