"""Transaction and command: a unit of work, its audit lines, and the topics that it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Unpack

from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor, Facts, actor_id, log_activity
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Change, Topic

_ANALYSES = frozenset({Topic.ANALYSES})


class Transaction:
    """One write transaction and what to tell others once it is committed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.makes_work = False
        self.afterwards: list[Callable[[], None]] = []
        self._change = Change(frozenset())

    def then(self, act: Callable[[], None]) -> None:
        """Do this once the transaction is committed, and not at all when it is not: counting, logging, telling."""
        self.afterwards.append(act)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block did when it raises, and forget what was to follow the commit of it."""
        kept = len(self.afterwards)
        try:
            with self.session.begin_nested():
                yield
        except BaseException:
            del self.afterwards[kept:]
            raise

    def touch(self, *topics: Topic) -> None:
        """Say that these topics changed."""
        self._change |= Change(frozenset(topics))

    def touch_analyses(self, *analysis_ids: int) -> None:
        """Say that these analyses changed."""
        if analysis_ids:
            self._change |= Change(_ANALYSES, frozenset(analysis_ids))

    def touch_any_analyses(self) -> None:
        """Say that analyses changed, more than one wants to name."""
        self._change |= Change(_ANALYSES, None)

    def add(self, *analysis_ids: int) -> None:
        """Say that these analyses are new and wait for the worker."""
        if analysis_ids:
            self._change |= Change(_ANALYSES, frozenset(analysis_ids), added=frozenset(analysis_ids))
            self.wake()

    def wake(self) -> None:
        """Say that the worker has something to do: work was made, taken away or let go."""
        self.makes_work = True

    @property
    def change(self) -> Change | None:
        """What the transaction touched, None when nothing that anybody shows."""
        return self._change if self._change.topics else None


class Command(Transaction):
    """One verb of an actor: its transaction, its time, and the audit lines that say what was done.

    What a command has recorded it has changed: the subject's topic goes with the line. One that found everything as it
    was wanted records nothing, and no page reads anything.
    """

    def __init__(self, session: Session, now: datetime, by: Actor, action: Action, subject: Subject) -> None:
        super().__init__(session)
        self.now = now
        self.by = by
        self.action = action
        self.subject = subject

    @cached_property
    def actor_id(self) -> int:
        """The row id of the actor, made on first sight."""
        return actor_id(self.session, self.by)

    def record(self, subject_id: int | None = None, **facts: Unpack[Facts]) -> None:
        """Add the audit line of this command about one row, or about what is named `key`, and touch its topic."""
        log_activity(self.session, self.actor_id, self.now, self.action, self.subject, subject_id, **facts)
        if self.subject.topic is not None:
            self.touch(self.subject.topic)
