"""Attention: one list of all that needs a person, for badges, pages and scripts alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ba2_trade_platform.core.base.change_feed import Topic


class AttentionSource(StrEnum):
    """Where something can wait for a person."""

    FAILURES = "failures"
    ALERTS = "alerts"
    RUNS = "runs"
    BREAKERS = "breakers"
    HEALTH = "health"


TOPICS: Mapping[AttentionSource, frozenset[Topic]] = {
    AttentionSource.FAILURES: frozenset({Topic.FAILURES, Topic.ANALYSES}),
    AttentionSource.ALERTS: frozenset({Topic.ALERTS}),
    AttentionSource.RUNS: frozenset({Topic.SCHEDULES}),
    AttentionSource.BREAKERS: frozenset({Topic.BREAKERS}),
    AttentionSource.HEALTH: frozenset({Topic.OPERATIONS}),
}
LINKS: Mapping[AttentionSource, str] = {
    AttentionSource.FAILURES: "/marketanalysis?tab=failures",
    AttentionSource.ALERTS: "/alerts",
    AttentionSource.RUNS: "/schedules?tab=runs&unseen=1",
    AttentionSource.BREAKERS: "/providers",
    AttentionSource.HEALTH: "/health",
}


@dataclass(frozen=True)
class AttentionItem:
    """How much of one source waits for a person, and the page that shows it."""

    source: AttentionSource
    count: int
    link: str


class Attention:
    """Counts what needs a person, source by source."""

    def __init__(self, counts: Mapping[AttentionSource, Callable[[], int]]) -> None:
        self._counts = counts

    def read(self, sources: Collection[AttentionSource] = tuple(AttentionSource)) -> tuple[AttentionItem, ...]:
        """Return these sources in their order, those of which nothing waits included; raises Unavailable."""
        return tuple(
            AttentionItem(source, self._counts[source](), LINKS[source])
            for source in AttentionSource
            if source in sources
        )
