"""Change feed: tells listeners which topics a commit touched, so that pages refresh without polling."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto


class Topic(Enum):
    """What a page or a cache can be about."""

    ANALYSES = auto()
    BATCHES = auto()
    BREAKERS = auto()
    EXPERTS = auto()
    FAILURES = auto()
    INSTRUMENTS = auto()
    LESSONS = auto()
    ALERTS = auto()
    MARKET_CLOCK = auto()
    MODELS = auto()
    NOTIFICATIONS = auto()
    OPERATIONS = auto()
    QUEUE = auto()
    SCHEDULES = auto()
    WATCHLISTS = auto()


EVERY_TOPIC = frozenset(Topic)
_SHOWN_WITH_ANALYSES = frozenset({Topic.BREAKERS, Topic.EXPERTS, Topic.FAILURES})


@dataclass(frozen=True)
class Change:
    """What a commit touched: topics, and of the analyses which ones (`ids`; None: any of them) and which are new."""

    topics: frozenset[Topic]
    ids: frozenset[int] | None = frozenset()
    added: frozenset[int] = frozenset()

    def of(self, topics: Collection[Topic]) -> bool:
        """Tell whether one of these topics was touched."""
        return not self.topics.isdisjoint(topics)

    def touched(self, analysis_ids: Collection[int]) -> list[int]:
        """Return which of these analyses may look different now.

        An expert's name, what a person says of a failure and whether a provider is held are shown with any of them.
        """
        if self.ids is None or self.of(_SHOWN_WITH_ANALYSES):
            return list(analysis_ids)
        return [analysis_id for analysis_id in analysis_ids if analysis_id in self.ids]

    def __or__(self, other: Change) -> Change:
        """Return both in one."""
        ids = None if self.ids is None or other.ids is None else self.ids | other.ids
        return Change(self.topics | other.topics, ids, self.added | other.added)


ANYTHING = Change(EVERY_TOPIC, None)
"""For a restored database, another program's write, and a page that was not listening: what changed is not known."""


@dataclass(frozen=True, eq=False)
class Subscription:
    """One listener's place in the feed, until it is closed."""

    feed: ChangeFeed
    listener: Callable[[Change], None]
    topics: frozenset[Topic]

    def close(self) -> None:
        """Stop listening; closing twice is allowed."""
        self.feed.remove(self)


class ChangeFeed:
    """Tells listeners, in the committing thread, what a commit changed. Listeners must be quick and must not raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(self, listener: Callable[[Change], None], *topics: Topic) -> Subscription:
        """Call `listener` with every change of these topics from now on, of all where none is given.

        It is called in whatever thread commits.
        """
        subscription = Subscription(self, listener, frozenset(topics) or EVERY_TOPIC)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def publish(self, change: Change) -> None:
        """Tell every listener."""
        for subscription in self._subscriptions:
            if change.of(subscription.topics):
                subscription.listener(change)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._subscriptions)
