"""Lessons: rows in the database are the truth; the vector store is only an index of them (docs/decisions/0013)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, null, or_, select, update

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.pages import Page, checked_limit, page_of
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.lessons import LessonFilter, LessonRow
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader

MAX_PAGE = 500
_L = t.lesson.c
_READER = Reader(
    LessonRow,
    t.lesson,
    expert=func.coalesce(t.expert_instance.c.alias, ""),
    analysis_exists=t.analysis.c.id.is_not(None),
    similarity=null(),
)
_LESSONS = (
    _READER.select()
    .outerjoin(t.analysis, t.analysis.c.id == _L.analysis_id)
    .outerjoin(t.expert_instance, t.expert_instance.c.id == _L.expert_instance_id)
)


class Lessons:
    """The lessons in the database. Blocking; thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, wanted: LessonFilter | None = None, cursor: int | None = None, limit: int = 100) -> Page[LessonRow]:
        """Return a page of lessons, newest first. Raises Invalid for a limit that is none."""
        checked_limit(limit, MAX_PAGE)
        wanted = wanted or LessonFilter()
        conditions: list[ColumnElement[bool]] = [_L.deleted_at.is_(None)]
        if cursor is not None:
            conditions.append(_L.id < cursor)
        if wanted.symbol:
            conditions.append(_L.symbol == wanted.symbol)
        if wanted.action:
            conditions.append(_L.action == wanted.action)
        if wanted.text:
            texts = (_L.symbol, _L.situation, _L.decision, _L.reflection)
            conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in texts)))
        with self._store.read() as session:
            found = _READER.all(session, _LESSONS.where(*conditions).order_by(_L.id.desc()).limit(limit + 1))
        return page_of(found, limit, lambda lesson: lesson.id)

    def get(self, lesson_id: int) -> LessonRow:
        """Return one lesson. Raises NotFound."""
        found = self.by_ids([lesson_id])
        if not found:
            raise NotFound(f"Lesson {lesson_id} not found", lesson_id=lesson_id)
        return found[lesson_id]

    def by_ids(self, lesson_ids: Sequence[int]) -> dict[int, LessonRow]:
        """Return those of these lessons that there are, by id."""
        with self._store.read() as session:
            found = _READER.all(session, _LESSONS.where(_L.id.in_(lesson_ids), _L.deleted_at.is_(None)))
        return {lesson.id: lesson for lesson in found}

    def count(self) -> int:
        """Return how many lessons there are."""
        with self._store.read() as session:
            return session.scalar(select(func.count()).select_from(t.lesson).where(_L.deleted_at.is_(None))) or 0

    def stamps(self) -> Sequence[tuple[int, datetime]]:
        """Return the id of every lesson and when it was written, oldest first."""
        with self._store.read() as session:
            rows = session.execute(select(_L.id, _L.created_at).where(_L.deleted_at.is_(None)).order_by(_L.id))
            return [(row.id, row.created_at) for row in rows]

    def delete(self, lesson_id: int, *, by: Actor) -> None:
        """Take a lesson away; it is not learnt again. Raises NotFound."""
        self._mark(lesson_id, Action.DELETE, by, deleted=True)

    def restore(self, lesson_id: int, *, by: Actor) -> None:
        """Bring a deleted lesson back. Raises NotFound."""
        self._mark(lesson_id, Action.RESTORE, by, deleted=False)

    def _mark(self, lesson_id: int, action: Action, by: Actor, *, deleted: bool) -> None:
        with self._store.command(by, action, Subject.LESSON) as command:
            as_before = _L.deleted_at.is_(None) if deleted else _L.deleted_at.is_not(None)
            changed = command.session.execute(
                update(t.lesson)
                .where(_L.id == lesson_id, as_before)
                .values(deleted_at=command.now if deleted else None)
                .returning(_L.id)
            ).all()
            if not changed:
                raise NotFound(f"Lesson {lesson_id} not found", lesson_id=lesson_id)
            command.record(lesson_id)
