"""Recall: lessons known before an attempt's as_of, never its own, and never a reason to fail."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError
from ba2_trade_platform.core.contracts.language_models import Lesson, Memory, NoMemory, Recalled
from ba2_trade_platform.core.contracts.lessons import LessonRow
from ba2_trade_platform.memory.service import LessonMemory
from ba2_trade_platform.memory.store import Scope

RECALL_SECONDS = 20.0
MAX_LESSONS = 20


class Recall:
    """The Memory of one attempt."""

    def __init__(self, memory: LessonMemory, as_of: datetime, analysis_id: int) -> None:
        self._memory = memory
        self._scope = Scope(known_by=as_of, not_of=analysis_id)

    async def recall(self, situation: str, limit: int = 3) -> Recalled:
        """Return lessons for a similar situation whose outcome was known at as_of, the most similar first."""
        answer = self._memory.nearest(situation, max(1, min(limit, MAX_LESSONS)), self._scope)
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                rows = await asyncio.wrap_future(answer)
        except (ExpertError, PlatformError) as error:
            return Recalled(warning=_without(str(error)))
        except TimeoutError:
            return Recalled(warning=_without(f"The memory store did not answer within {RECALL_SECONDS:g} s"))
        return Recalled(tuple(_lesson(row) for row in rows), self._memory.filling())


def memory_for(memory: LessonMemory, context: AnalysisContext) -> Memory:
    """Return what one attempt may remember."""
    return Recall(memory, context.as_of, context.analysis_id) if memory.enabled else NoMemory()


def _without(reason: str) -> str:
    return f"Decided without memory: {reason.rstrip('.')}. The Lessons page can rebuild the store"


def _lesson(row: LessonRow) -> Lesson:
    return Lesson(
        id=row.id,
        symbol=row.symbol,
        as_of=row.as_of,
        known_at=row.known_at,
        action=row.action.value,
        return_percent=row.return_percent,
        situation=row.situation,
        reflection=row.reflection,
        similarity=row.similarity,
    )
