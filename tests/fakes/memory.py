"""A Memory without a store, for tests of experts: it keeps every promise on a handful of lessons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ba2_trade_platform.core.contracts.language_models import Lesson, Recalled


def lesson(lesson_id: int, known_at: datetime, situation: str, symbol: str = "AAPL") -> Lesson:
    """Return a lesson whose outcome was known at `known_at`; its id is that of its analysis too."""
    return Lesson(
        id=lesson_id,
        symbol=symbol,
        as_of=known_at - timedelta(days=14),
        known_at=known_at,
        action="BUY",
        return_percent=-3.2,
        situation=situation,
        reflection="BUY with confidence 70 was wrong.",
    )


class RememberedLessons:
    """Recalls by the words that two situations share; `warning` makes it fail as a broken store does."""

    def __init__(
        self, lessons: Sequence[Lesson], as_of: datetime, analysis_id: int = 0, warning: str | None = None
    ) -> None:
        self._lessons = lessons
        self._as_of = as_of
        self._analysis_id = analysis_id
        self._warning = warning

    async def recall(self, situation: str, limit: int = 3) -> Recalled:
        """Return what was known at as_of, the most similar first."""
        if self._warning:
            return Recalled(warning=self._warning)
        words = _words(situation)
        found = []
        for one in self._lessons:
            known = _words(one.situation)
            similarity = len(words & known) / max(1, len(words | known))
            if one.known_at <= self._as_of and one.id != self._analysis_id and similarity > 0:
                found.append(replace(one, similarity=round(similarity, 4)))
        found.sort(key=lambda one: -(one.similarity or 0))
        return Recalled(tuple(found[:limit]))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
