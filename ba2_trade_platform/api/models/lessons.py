"""Lesson endpoints: find, read, delete and restore, learn now, and rebuild the vector store."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, IdCursor, Limit
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.contracts.lessons import Learnt, LessonFilter, LessonRow
from ba2_trade_platform.memory.service import Found, MemoryStatus
from ba2_trade_platform.vocabulary import Signal

router = APIRouter(prefix="/lessons", tags=["lessons"])
LessonId = Annotated[int, Path(ge=1, le=MAX_ID, description="The lesson"), DIGITS]


class LessonAnswers(Answer, of=Found):
    """One page of lessons. `found_by` similarity: the most similar first and one page only, else newest first.

    `warning` says why lessons were not found by similarity, or that not all of them can be yet.
    """


class StoreAnswer(Answer, of=MemoryStatus):
    """How the memory stands; while it is rebuilt, `done` of `total` lessons are in."""

    sentence: str


class LearntAnswer(Answer, of=Learnt):
    """What a look for outcomes brought."""

    sentence: str


@router.get("")
def list_lessons(
    console: Console,
    symbol: Annotated[str | None, Query(max_length=80, description="One symbol")] = None,
    q: Annotated[str | None, Query(max_length=4_000, description="A situation, or words, to find lessons for")] = None,
    action: Annotated[Signal | None, Query(description="What was decided")] = None,
    cursor: IdCursor = None,
    limit: Limit = 100,
) -> LessonAnswers:
    """Return lessons: newest first, or like `q` where the store works and containing it where not."""
    wanted = LessonFilter(symbol and spelled(symbol), action, (q or "").strip() or None)
    return LessonAnswers.model_validate(console.memory.search(wanted, cursor, limit))


@router.get("/store")
def store(console: Console) -> StoreAnswer:
    """Return how the memory stands: lessons in database and store, the last problem, a rebuild's progress."""
    return StoreAnswer.model_validate(console.memory.status())


@router.post("/rebuild", status_code=202, responses=documented(409))
def rebuild(console: Console, asker: Asker) -> StoreAnswer:
    """Make the store anew from the database, in the background; `GET /lessons/store` tells how far it is."""
    return StoreAnswer.model_validate(console.memory.rebuild(by=asker))


@router.post("/learn")
def learn(console: Console) -> LearntAnswer:
    """Look for outcomes now."""
    return LearntAnswer.model_validate(console.memory.learn())


@router.get("/{lesson_id:int}", responses=documented(404))
def get_lesson(lesson_id: LessonId, console: Console) -> LessonRow:
    """Return one lesson."""
    return console.lessons.get(lesson_id)


@router.delete("/{lesson_id:int}", status_code=204, responses=documented(404))
def delete_lesson(lesson_id: LessonId, console: Console, asker: Asker) -> None:
    """Take a lesson away: it is not recalled any more, nor learnt again."""
    console.memory.delete(lesson_id, by=asker)


@router.post("/{lesson_id:int}/restore", responses=documented(404))
def restore_lesson(lesson_id: LessonId, console: Console, asker: Asker) -> LessonRow:
    """Bring a deleted lesson back."""
    console.memory.restore(lesson_id, by=asker)
    return console.lessons.get(lesson_id)
