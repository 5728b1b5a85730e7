"""Shell status: counts and switches of the whole desk, read once for all pages that ask together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.queue_service import QueueState
from ba2_trade_platform.core.base.change_feed import EVERY_TOPIC, Topic
from ba2_trade_platform.core.base.clocks import day_start
from ba2_trade_platform.core.failures.breakers import Breaker
from ba2_trade_platform.core.monitoring.job_list import Counts
from ba2_trade_platform.core.notifications.alerts import Unacknowledged
from ba2_trade_platform.core.operations.attention import TOPICS, AttentionSource
from ba2_trade_platform.core.worker.worker import WorkerStatus
from ba2_trade_platform.demo.demo import DemoState
from ba2_trade_platform.ui.kit.feedback import off_loop

T = TypeVar("T")


@dataclass(frozen=True)
class ShellStatus:
    """The desk's counts and switches."""

    counts: Counts
    queue: QueueState
    worker: WorkerStatus
    demo: DemoState
    breakers: tuple[Breaker, ...]
    alerts: Unacknowledged
    attention: Mapping[AttentionSource, int]

    def waiting(self, *sources: AttentionSource) -> int:
        """Return how much of these sources needs a person."""
        return sum(self.attention[source] for source in sources)


# What each part is about: only those are read anew of which a commit has touched a topic.
_PARTS: Mapping[str, tuple[frozenset[Topic], Callable[[Platform], Any]]] = {
    "counts": (
        frozenset({Topic.ANALYSES}),
        lambda platform: platform.monitoring.jobs.counts(day_start(datetime.now(UTC), platform.settings.zone)),
    ),
    "queue": (frozenset({Topic.QUEUE}), lambda platform: platform.queue.state()),
    "worker": (EVERY_TOPIC, lambda platform: platform.worker.status),
    "demo": (frozenset({Topic.EXPERTS}), lambda platform: platform.demo.desk.state()),
    "breakers": (
        frozenset({Topic.BREAKERS, Topic.ANALYSES}), lambda platform: tuple(platform.breakers.active()),
    ),
    "alerts": (frozenset({Topic.ALERTS}), lambda platform: platform.notifications.alerts.unacknowledged()),
}  # fmt: skip
SHOWN_TOPICS = frozenset({Topic.MARKET_CLOCK, *(topic for topics in TOPICS.values() for topic in topics)}).union(
    *(topics for topics, _ in _PARTS.values() if topics is not EVERY_TOPIC)
)


def read_shell_status(platform: Platform, topics: frozenset[Topic], before: ShellStatus | None) -> ShellStatus:
    """Read what the shell shows of these topics, the rest as it was `before`; blocking."""
    asked = topics if before is not None else EVERY_TOPIC
    parts = {name: read(platform) for name, (about, read) in _PARTS.items() if about & asked}
    sources = {source for source, about in TOPICS.items() if about & asked} - {AttentionSource.ALERTS}
    counts = {item.source: item.count for item in platform.operations.attention.read(sources)}
    if "alerts" in parts:  # which are counted already
        counts[AttentionSource.ALERTS] = parts["alerts"].count
    if before is None:
        return ShellStatus(**parts, attention=counts)
    return replace(before, **parts, attention={**before.attention, **counts})


class SharedReading(Generic[T]):
    """Reads off the loop, once for everybody who asks while the reading before is under way.

    Nobody is given what was read before he asked: what he has just been told of may not be in it.
    """

    def __init__(self, read: Callable[[frozenset[Topic], T | None], T]) -> None:
        self._read = read
        self._value: T | None = None
        self._wanted: frozenset[Topic] = frozenset()
        self._at_work: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self, topics: frozenset[Topic] = EVERY_TOPIC) -> T:
        """Return what a reading of these topics that began after this call has found; raises what it raises."""
        self._wanted |= topics
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._after(self._at_work), name="shared reading")
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._at_work, self._next = self._next, None
        topics, self._wanted = self._wanted, frozenset()
        try:
            self._value = await off_loop(self._read, topics, self._value)
        except BaseException:
            self._wanted |= topics  # they are still to be read
            raise
        return self._value
