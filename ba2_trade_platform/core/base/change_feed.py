"""Change feed: tells listeners which analyses a commit touched, so that pages refresh without polling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """What a commit touched. `ids` None: anything may have changed. `added` are analyses that are new."""

    ids: frozenset[int] | None
    added: frozenset[int] = frozenset()


class Subscription:
    """One listener's place in the feed, until it is closed."""

    def __init__(self, feed: ChangeFeed, listener: Callable[[Change], None]) -> None:
        self._feed = feed
        self.listener = listener

    def close(self) -> None:
        """Stop listening; closing twice is allowed."""
        self._feed.remove(self)


class ChangeFeed:
    """Tells listeners, in the committing thread, what a commit changed. Listeners must be quick and must not raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(self, listener: Callable[[Change], None]) -> Subscription:
        """Call `listener` with every change from now on, from whatever thread commits."""
        subscription = Subscription(self, listener)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        with self._lock:
            self._subscriptions = tuple(known for known in self._subscriptions if known is not subscription)

    def publish(self, change: Change) -> None:
        """Tell every listener."""
        for subscription in self._subscriptions:
            subscription.listener(change)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._subscriptions)
