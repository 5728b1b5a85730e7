"""Lessons contract: the rows and protocols by which a memory reads lessons, without importing their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.vocabulary import MetFirst, Signal, Subtype, TimeHorizon


@dataclass(frozen=True)
class LessonRow:
    """One lesson with everything that is known of it. `analysis_exists` False: its analysis was deleted.

    `similarity` is 0 to 1 where the lesson was found by its likeness to a text.
    """

    id: int
    analysis_id: int
    attempt: int
    expert_instance_id: int
    expert: str
    symbol: str
    subtype: Subtype
    action: Signal
    confidence: float
    expected_profit_percent: float
    as_of: datetime
    known_at: datetime
    price_then: Decimal | None
    price_after: Decimal | None
    currency: str
    time_horizon: TimeHorizon
    return_percent: float
    rise_percent: float
    fall_percent: float
    met_first: MetFirst | None
    was_right: bool
    situation: str
    decision: str
    reflection: str
    created_at: datetime
    analysis_exists: bool
    similarity: float | None = None


@dataclass(frozen=True)
class LessonFilter:
    """Which lessons to show; every empty part means all. `text` is looked for in what the lesson says."""

    symbol: str | None = None
    action: Signal | None = None
    text: str | None = None


@dataclass(frozen=True)
class Learnt:
    """What one look for outcomes brought. `waiting` decisions have horizons that have not passed, or no prices."""

    lessons: int
    waiting: int

    @property
    def sentence(self) -> str:
        """Say what was learnt."""
        if self.lessons:
            new = f"{self.lessons:,} new {'lesson' if self.lessons == 1 else 'lessons'}"
        else:
            new = "No new lesson"
        if not self.waiting:
            return f"{new}; no other decision waits for its outcome"
        return f"{new}; {self.waiting:,} {'decision waits' if self.waiting == 1 else 'decisions wait'} for an outcome"


class LessonBook(Protocol):
    """The lessons in the database; blocking, thread-safe."""

    def count(self) -> int:
        """Return how many there are."""

    def list(self, wanted: LessonFilter, cursor: int | None = None, limit: int = 100) -> Page[LessonRow]:
        """Return a page of lessons, newest first."""

    def by_ids(self, ids: Sequence[int]) -> Mapping[int, LessonRow]:
        """Return these lessons by their ids; those that are not there are left out."""

    def stamps(self) -> Sequence[tuple[int, datetime]]:
        """Return id and time of making of every lesson."""

    def delete(self, lesson_id: int, *, by: Actor) -> None:
        """Take a lesson away for good; raises NotFound."""

    def restore(self, lesson_id: int, *, by: Actor) -> None:
        """Bring a deleted lesson back; raises NotFound."""


class Learner(Protocol):
    """Looks for what became of decisions."""

    def learn(self) -> Learnt:
        """Look now, and write down the lessons of those whose horizon has passed; raises Unavailable."""
